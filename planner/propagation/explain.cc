#include "planner/propagation/explain.h"

#include <algorithm>
#include <map>
#include <queue>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "planner/graph/element_type.h"

namespace automap {
namespace {

std::string ShapeText(const Tensor& tensor) {
  return absl::StrCat(ElementTypeName(tensor.type), "[", absl::StrJoin(tensor.shape(), ","), "]");
}

std::string NodeText(const Graph& graph, NodeId node) {
  std::vector<std::string> operands;
  for (const TensorId tensor : graph.operands(node))
    operands.push_back(ShapeText(graph.tensor(tensor)));
  std::string text = absl::StrCat(graph.Path(node), " ", OpcodeName(graph.node(node).opcode), "(",
                                  absl::StrJoin(operands, ", "), ")");
  const std::string name = graph.EffectiveName(node);
  return name.empty() ? text : absl::StrCat(text, " at ", name);
}

absl::string_view Reason(ConflictClass kind) {
  switch (kind) {
    case ConflictClass::kSizeOne:
      return "the dimension has size 1";
    case ConflictClass::kNotDivisible:
      return "the axis does not divide the size of the dimension or of its major part";
    case ConflictClass::kTwoFactors:
      return "two different dimensions of one operation would be split by one axis";
    case ConflictClass::kNeedsWhole:
      return "the operation needs this dimension whole";
    case ConflictClass::kHalo:
      return "the operation needs its neighbours' borders along this dimension";
    case ConflictClass::kOtherDim:
      return "the tensor is split in another dimension already";
    case ConflictClass::kForbidden:
      return "known to be infeasible";
  }
  return "";
}

// A fact of the closure: a split tensor dim (node < 0) or a selected factor (factor >= 0).
struct Fact {
  TensorDim place;
  FactorId factor = -1;
  int32_t parent = -1;  // index of the fact that it follows from
};

// Follows all consequences of all decisions, past every conflict, breadth first.
class FullClosure {
 public:
  FullClosure(const Wiring& wiring, const Roles& roles, const PropagationOptions& options,
              const PriorSplits* prior, const Cuts* cuts)
      : wiring_(wiring),
        graph_(wiring.graph()),
        roles_(roles),
        judge_(wiring, options, prior),
        cuts_(cuts) {}

  void Decide(ParameterDim decision) {
    AddPlace({graph_.parameters()[decision.parameter].tensor, decision.dim}, -1);
  }

  std::optional<Explanation> Run() {
    for (size_t i = 0; i < facts_.size(); ++i) {
      if (facts_[i].factor < 0) FollowPlace(i);
    }
    if (!worst_) return std::nullopt;
    Explanation explanation = {worst_->conflict, {}};
    explanation.chains.push_back(Chain(worst_->first));
    if (worst_->second >= 0) explanation.chains.push_back(Chain(worst_->second));
    return explanation;
  }

  // The parameter dims that follow from a decision and it from them: all have its consequences.
  std::vector<ParameterDim> Alike(ParameterDim decision) {
    std::sort(edges_.begin(), edges_.end());
    std::vector<bool> reaches(facts_.size(), false);
    std::vector<int32_t> queue = {
        fact_of_place_.at({graph_.parameters()[decision.parameter].tensor, decision.dim})};
    reaches[queue[0]] = true;
    std::vector<ParameterDim> alike;
    for (size_t i = 0; i < queue.size(); ++i) {
      const Fact& fact = facts_[queue[i]];
      const int32_t parameter = fact.factor < 0 ? ParameterOf(fact.place.tensor) : -1;
      if (parameter >= 0) alike.push_back({parameter, fact.place.dim});
      auto edge = std::lower_bound(edges_.begin(), edges_.end(), std::make_pair(queue[i], 0));
      for (; edge != edges_.end() && edge->first == queue[i]; ++edge) {
        if (edge->second < 0 || reaches[edge->second]) continue;
        reaches[edge->second] = true;
        queue.push_back(edge->second);
      }
    }
    return alike;
  }

  // Empty when the place is not split.
  std::vector<std::string> ChainTo(TensorDim place) const {
    const auto found = fact_of_place_.find(place);
    return found == fact_of_place_.end() ? std::vector<std::string>() : Chain(found->second);
  }

 private:
  struct Found {
    Conflict conflict;
    int32_t first = -1, second = -1;
  };

  void AddPlace(TensorDim place, int32_t parent) {
    const auto [known, is_new] = fact_of_place_.try_emplace(place, facts_.size());
    edges_.emplace_back(known->second, parent);
    if (!is_new) return;
    const auto [other, is_first] = first_place_.try_emplace(place.tensor, facts_.size());
    facts_.push_back({place, -1, parent});
    if (is_first) return;
    // A parameter has no producer; what splits it a second time is its new value.
    NodeId node = graph_.tensor(place.tensor).producer;
    if (node < 0 && parent >= 0) node = graph_.tensor(facts_[parent].place.tensor).producer;
    Report({ConflictClass::kOtherDim, node, place, -1}, other->second, facts_.size() - 1);
  }

  void FollowPlace(int32_t index) {
    const TensorDim place = facts_[index].place;
    if (const auto refusal = judge_.BorderRefusal(place)) {
      Report({*refusal, graph_.tensor(place.tensor).producer, place, -1}, index, -1);
    }
    for (const Wiring::Use& use : wiring_.uses(place.tensor)) {
      if (cuts_ != nullptr && cuts_->Has(use)) continue;
      const auto [factor, outer, refusal] = judge_.SelectionOf(use, place);
      if (refusal) {
        Report({*refusal, use.node, place, factor}, index, -1);
        continue;
      }
      const auto [known, is_new] = fact_of_factor_.try_emplace({factor, outer}, facts_.size());
      edges_.emplace_back(known->second, index);
      if (!is_new) continue;
      const auto [other, is_first] = first_factor_.try_emplace(use.node, facts_.size());
      const int32_t fact = facts_.size();
      facts_.push_back({place, factor, index});
      if (!is_first) {
        Report({ConflictClass::kTwoFactors, use.node, place, facts_[other->second].factor},
               other->second, fact);
      }
      for (const TensorDim& result : wiring_.split_results(factor)) {
        AddPlace(Propagation::ResultOf(result, outer), fact);
      }
    }
    const TensorId parameter = wiring_.replaces(place.tensor);
    if (parameter >= 0 && (cuts_ == nullptr || !cuts_->HasReplacement(place.tensor))) {
      AddPlace({parameter, place.dim, place.outer}, index);
    }
  }

  void Report(const Conflict& conflict, int32_t first, int32_t second) {
    if (worst_ && std::make_pair(worst_->conflict.node, worst_->conflict.kind) <=
                      std::make_pair(conflict.node, conflict.kind)) {
      return;
    }
    worst_ = {conflict, first, second};
  }

  std::vector<std::string> Chain(int32_t index) const {
    std::vector<std::string> lines;
    for (; index >= 0; index = facts_[index].parent) {
      const Fact& fact = facts_[index];
      if (fact.factor >= 0) {
        lines.push_back(absl::StrCat(NodeText(graph_, wiring_.factor(fact.factor).node),
                                     " works on its block"));
      } else if (ParameterOf(fact.place.tensor) >= 0) {
        lines.push_back(absl::StrCat(roles_.names[ParameterOf(fact.place.tensor)],
                                     " is split in dim ", fact.place.dim,
                                     fact.parent < 0 ? " (decided)" : " because its new value is"));
      } else {
        lines.push_back(absl::StrCat("the result of ",
                                     graph_.Path(graph_.tensor(fact.place.tensor).producer),
                                     " is split in dim ", fact.place.dim));
      }
    }
    std::reverse(lines.begin(), lines.end());
    return lines;
  }

  int32_t ParameterOf(TensorId tensor) const {
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      if (graph_.parameters()[p].tensor == tensor) return p;
    }
    return -1;
  }

  const Wiring& wiring_;
  const Graph& graph_;
  const Roles& roles_;
  const Propagation judge_;  // without splits; tells which factors are refused
  const Cuts* cuts_;
  std::vector<Fact> facts_;
  std::vector<std::pair<int32_t, int32_t>> edges_;  // fact, and one that it follows from
  std::map<TensorDim, int32_t> fact_of_place_;
  std::map<TensorId, int32_t> first_place_;
  std::map<std::pair<FactorId, int32_t>, int32_t> fact_of_factor_;  // factor and outer
  std::map<NodeId, int32_t> first_factor_;
  std::optional<Found> worst_;
};

}  // namespace

std::string Describe(const Graph& graph, const Conflict& conflict) {
  if (conflict.node < 0)
    return absl::StrCat(ConflictClassName(conflict.kind), ": ", Reason(conflict.kind));
  return absl::StrCat(ConflictClassName(conflict.kind), " at ", NodeText(graph, conflict.node),
                      ": ", Reason(conflict.kind));
}

std::optional<Explanation> ExplainConflict(const Wiring& wiring, const Roles& roles,
                                           const PropagationOptions& options,
                                           const std::vector<ParameterDim>& decisions,
                                           const PriorSplits* prior, const Cuts* cuts) {
  FullClosure closure(wiring, roles, options, prior, cuts);
  for (const ParameterDim& decision : decisions) closure.Decide(decision);
  return closure.Run();
}

std::optional<InfeasibleSet> ExplainInfeasible(const Wiring& wiring, const Roles& roles,
                                               const PropagationOptions& options,
                                               ParameterDim decision) {
  FullClosure closure(wiring, roles, options, nullptr, nullptr);
  closure.Decide(decision);
  auto explanation = closure.Run();
  if (!explanation) return std::nullopt;
  return InfeasibleSet{*std::move(explanation), closure.Alike(decision)};
}

std::vector<std::string> ExplainSplitOf(const Wiring& wiring, const Roles& roles,
                                        const PropagationOptions& options,
                                        const std::vector<ParameterDim>& decisions,
                                        ParameterDim place, const PriorSplits* prior,
                                        const Cuts* cuts) {
  FullClosure closure(wiring, roles, options, prior, cuts);
  for (const ParameterDim& decision : decisions) closure.Decide(decision);
  closure.Run();
  return closure.ChainTo({wiring.graph().parameters()[place.parameter].tensor, place.dim});
}

}  // namespace automap
