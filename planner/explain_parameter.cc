#include "planner/explain_parameter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/graph/element_type.h"
#include "planner/plan/communication.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/parameter_name.h"
#include "planner/propagation/explain.h"

namespace automap {
namespace {

std::string AllReduceText(const Lowering& lowering, const Propagation& propagation) {
  const Propagation* axes[] = {&propagation};
  const CollectiveSum sum = SumOf(CollectiveKind::kAllReduce, CollectivesOf(lowering, 0, axes));
  if (sum.count == 0) return "no all-reduce";
  return absl::StrCat(sum.count, " all-reduces of ", static_cast<int64_t>(sum.bytes), " bytes");
}

// One axis of a plan, asked about one parameter.
class AxisExplainer {
 public:
  AxisExplainer(const PreparedModule& module, const AxisDecisions& axis, const Semantics& semantics,
                const PriorSplits& prior)
      : module_(module),
        graph_(module.graph()),
        axis_(axis),
        options_({axis.size, semantics}),
        prior_(prior) {}

  Json Explain(int32_t parameter, int32_t split_dim) const {
    Json json = {{"axis", axis_.name}, {"size", axis_.size}};
    if (split_dim >= 0) {
      ExplainSplit({parameter, split_dim}, json);
      return json;
    }
    json["state"] = "REPLICATED";
    json["summary"] = "replicated";
    json["dims"] = Json::array();
    const int rank = graph_.tensor(graph_.parameters()[parameter].tensor).rank;
    for (int32_t dim = 0; dim < rank; ++dim) json["dims"].push_back(ExplainWhole({parameter, dim}));
    return json;
  }

 private:
  // The closure of a decision alone.
  Propagation Alone(ParameterDim decision) const {
    Propagation propagation(module_.wiring(), options_, &prior_);
    propagation.Split({graph_.parameters()[decision.parameter].tensor, decision.dim});
    return propagation;
  }

  void ExplainSplit(ParameterDim place, Json& json) const {
    const Propagation alone = Alone(place);
    std::vector<std::string> others;
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      const int32_t dim = alone.split_dim(graph_.parameters()[p].tensor);
      if (dim >= 0 && static_cast<int32_t>(p) != place.parameter) {
        others.push_back(absl::StrCat(module_.roles().names[p], " dim ", dim));
      }
    }
    json["state"] = "SPLIT";
    json["dim"] = place.dim;
    json["summary"] =
        absl::StrCat("split in dim ", place.dim, ", with ", others.size(),
                     " other parameters; it costs ", AllReduceText(module_.lowering(), alone));
    json["together"] = others;
    std::vector<ParameterDim> rest;
    for (const ParameterDim& split : axis_.splits) {
      if (split.parameter != place.parameter) rest.push_back(split);
    }
    const auto chain =
        ExplainSplitOf(module_.wiring(), module_.roles(), options_, rest, place, &prior_);
    json["chain"] =
        !chain.empty()
            ? chain
            : std::vector<std::string>{absl::StrCat(module_.roles().names[place.parameter],
                                                    " is split in dim ", place.dim, " (decided)")};
  }

  Json ExplainWhole(ParameterDim place) const {
    Json json = {{"dim", place.dim}};
    const TensorId tensor = graph_.parameters()[place.parameter].tensor;
    const int64_t size = graph_.tensor(tensor).dims[place.dim];
    if (size == 1 || size % axis_.size != 0) {
      json["class"] = size == 1 ? "SIZE_ONE" : "NOT_DIVISIBLE";
      json["reason"] =
          absl::StrCat(json["class"].get<std::string>(), ": size ", size, ", axis of ", axis_.size);
      return json;
    }
    std::vector<ParameterDim> decisions = {place};
    auto found = ExplainConflict(module_.wiring(), module_.roles(), options_, decisions, &prior_);
    std::string who = "can never be split: ";
    if (!found) {
      who = "cannot be split together with what the plan splits: ";
      decisions.insert(decisions.end(), axis_.splits.begin(), axis_.splits.end());
      found = ExplainConflict(module_.wiring(), module_.roles(), options_, decisions, &prior_);
    }
    if (found) {
      json["class"] = std::string(ConflictClassName(found->conflict.kind));
      json["reason"] = who + Describe(graph_, found->conflict);
      json["chains"] = found->chains;
      return json;
    }
    json["class"] = "NOT_CHOSEN";
    json["reason"] = absl::StrCat("could be split; the search left it whole. It would cost ",
                                  AllReduceText(module_.lowering(), Alone(place)));
    return json;
  }

  const PreparedModule& module_;
  const Graph& graph_;
  const AxisDecisions& axis_;
  const PropagationOptions options_;
  const PriorSplits& prior_;
};

}  // namespace

absl::StatusOr<Json> ExplainParameter(absl::string_view bytes, const v1::Plan& plan,
                                      const std::string& name) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, plan.semantics().roles()));
  RETURN_IF_ERROR(CheckPlanIsFor(*module, plan));
  ASSIGN_OR_RETURN(const int32_t parameter, FindParameter(*module, name));
  ASSIGN_OR_RETURN(const Decisions decisions, DecisionsOf(*module, plan));
  ASSIGN_OR_RETURN(const AppliedDecisions applied, AppliedDecisions::Create(*module, decisions));
  const TensorId tensor = module->graph().parameters()[parameter].tensor;
  const Tensor& array = module->graph().tensor(tensor);
  Json json = {{"parameterNumber", module->graph().parameters()[parameter].number},
               {"name", module->roles().names[parameter]},
               {"dtype", ElementTypeName(array.type)},
               {"shape", std::vector<int64_t>(array.shape().begin(), array.shape().end())},
               {"axes", Json::array()}};
  PriorSplits prior;
  const auto axes = applied.axes();
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const AxisExplainer explainer(*module, decisions.axes[axis], decisions.semantics, prior);
    json["axes"].push_back(explainer.Explain(parameter, axes[axis]->split_dim(tensor)));
    prior = WithSplits(prior, *axes[axis]);
  }
  return json;
}

}  // namespace automap
