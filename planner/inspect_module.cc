#include "planner/inspect_module.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/graph/element_type.h"
#include "planner/plan/communication.h"
#include "planner/plan/describe_reshards.h"
#include "planner/plan/parameter_name.h"
#include "planner/plan/prepared_module.h"
#include "planner/plan/semantics_proto.h"
#include "planner/plan/work.h"
#include "planner/propagation/explain.h"
#include "planner/propagation/find_cuts.h"

namespace automap {
namespace {

Json ShapeJson(const Tensor& tensor) {
  return Json(std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end()));
}

Json ParameterJson(const PreparedModule& module, size_t index) {
  const Leaf& leaf = module.graph().parameters()[index];
  const Tensor& tensor = module.graph().tensor(leaf.tensor);
  Json json = {{"parameterNumber", leaf.number}};
  if (leaf.leaf_index >= 0) json["leafIndex"] = leaf.leaf_index;
  json["name"] = module.roles().names[index];
  json["shape"] = ShapeJson(tensor);
  json["dtype"] = ElementTypeName(tensor.type);
  json["role"] = std::string(RoleName(module.roles().of[index]));
  json["reason"] = module.roles().reason[index];
  return json;
}

// An entry parameter's leaf in JSON: number, leaf where there is one, dim.
Json PlaceJson(const Graph& graph, ParameterDim place) {
  const Leaf& leaf = graph.parameters()[place.parameter];
  Json json = {{"parameterNumber", leaf.number}};
  if (leaf.leaf_index >= 0) json["leafIndex"] = leaf.leaf_index;
  json["dim"] = place.dim;
  return json;
}

absl::StatusOr<ParameterDim> ParsePlace(const PreparedModule& module, const std::string& text) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", text, ": ", why, "; see `automap inspect` for the names"));
  };
  const size_t colon = text.rfind(':');
  int32_t dim = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(colon + 1), &dim))
    return refuse("must be NAME:DIM or #N:DIM");
  const auto parameter = FindParameter(module, text.substr(0, colon));
  if (!parameter.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--set ", parameter.status().message()));
  }
  const int rank = module.graph().tensor(module.graph().parameters()[*parameter].tensor).rank;
  if (dim < 0 || dim >= rank) return refuse(absl::StrCat("the parameter has ", rank, " dims"));
  return ParameterDim{*parameter, dim};
}

Json ConflictJson(const Graph& graph, const Explanation& explanation) {
  const Conflict& conflict = explanation.conflict;
  return {{"instruction", conflict.node >= 0 ? graph.node(conflict.node).instruction->name() : ""},
          {"path", conflict.node >= 0 ? graph.Path(conflict.node) : ""},
          {"class", std::string(ConflictClassName(conflict.kind))},
          {"reason", Describe(graph, conflict)},
          {"chains", explanation.chains}};
}

absl::StatusOr<PropagationOptions> OptionsOf(const AxisQuestion& question) {
  Semantics semantics;
  semantics.paper_rule = question.paper_rule;
  ASSIGN_OR_RETURN(semantics,
                   AllowedSemantics({question.allow.begin(), question.allow.end()}, semantics));
  return PropagationOptions{question.axis_size, semantics};
}

// The cuts that make each decision possible by itself; none unless reshards are allowed.
Cuts CutsFor(const PreparedModule& module, const PropagationOptions& options,
             const std::vector<ParameterDim>& decisions) {
  Cuts all(module.wiring());
  if (!options.semantics.reshards) return all;
  for (const ParameterDim& decision : decisions) {
    Cuts cuts(module.wiring());
    Propagation alone(module.wiring(), options);
    alone.SetCuts(&cuts);
    FindCuts({module.graph().parameters()[decision.parameter].tensor, decision.dim}, alone, cuts);
    for (const Cut& cut : cuts.list()) all.Add(cut);
  }
  return all;
}

Json SumJson(const CollectiveSum& sum) {
  return {{"count", absl::StrCat(sum.count)},
          {"bytes", absl::StrCat(static_cast<int64_t>(sum.bytes))}};
}

// The operands that must move for a group to be possible.
Json CutsJson(const PreparedModule& module, const LinkageGroup& group) {
  Json json = Json::array();
  for (const Cut& cut : group.cuts) {
    const Graph& graph = module.graph();
    const TensorId tensor = cut.node < 0 ? cut.operand : graph.operands(cut.node)[cut.operand];
    json.push_back({{"instruction", cut.node < 0 ? "" : graph.Path(cut.node)},
                    {"tensor", LabelOf(module, tensor)}});
  }
  return json;
}

// One entry per dim. Dims that imply each other are infeasible for one reason: the first has the
// chains, the others say which that is.
Json InfeasibleJson(const PreparedModule& module, const PropagationOptions& options,
                    const std::vector<InfeasibleDim>& infeasible) {
  const Graph& graph = module.graph();
  std::map<ParameterDim, std::pair<ParameterDim, Conflict>> explained;  // first alike, its conflict
  Json json = Json::array();
  for (const InfeasibleDim& item : infeasible) {
    Json entry = PlaceJson(graph, item.decision);
    entry["name"] = module.roles().names[item.decision.parameter];
    Conflict conflict = item.conflict;
    std::vector<std::vector<std::string>> chains;
    if (conflict.node >= 0 && !explained.contains(item.decision)) {
      const auto set = ExplainInfeasible(module.wiring(), module.roles(), options, item.decision);
      if (set) {
        chains = set->explanation.chains;
        for (const ParameterDim& alike : set->decisions) {
          explained[alike] = {item.decision, set->explanation.conflict};
        }
      }
    }
    const auto found = explained.find(item.decision);
    if (found != explained.end()) conflict = found->second.second;
    entry["class"] = std::string(ConflictClassName(conflict.kind));
    entry["reason"] = Describe(graph, conflict);
    if (!chains.empty()) entry["chains"] = chains;
    if (found != explained.end() && found->second.first != item.decision) {
      entry["like"] = PlaceJson(graph, found->second.first);
    }
    json.push_back(std::move(entry));
  }
  return json;
}

// What follows from splits that go together.
Json OutcomeJson(const PreparedModule& module, const Propagation& propagation) {
  const Graph& graph = module.graph();
  Json json = {{"verdict", "OK"}};
  Json& split = json["split"] = Json::array();
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const int32_t dim = propagation.split_dim(graph.parameters()[p].tensor);
    if (dim >= 0) split.push_back(PlaceJson(graph, {static_cast<int32_t>(p), dim}));
  }
  int64_t tensors = 0;
  for (const int32_t entry : propagation.trail()) tensors += Propagation::IsTensor(entry);
  json["tensorsSplit"] = tensors;
  const Propagation* axes[] = {&propagation};
  const auto collectives = CollectivesOf(module.lowering(), 0, axes);
  json["allReduces"] = SumJson(SumOf(CollectiveKind::kAllReduce, collectives));
  Json& others = json["otherCollectives"] = Json::array();
  for (const auto& [kind, name] : {std::pair{CollectiveKind::kAllGather, "ALL_GATHER"},
                                   std::pair{CollectiveKind::kReduceScatter, "REDUCE_SCATTER"},
                                   std::pair{CollectiveKind::kAllToAll, "ALL_TO_ALL"},
                                   std::pair{CollectiveKind::kPermute, "PERMUTE"}}) {
    const CollectiveSum sum = SumOf(kind, collectives);
    if (sum.count == 0) continue;
    others.push_back(SumJson(sum));
    others.back()["kind"] = name;
  }
  Json& reshards = json["reshards"] = Json::array();
  for (const PlacedCollective& placed : collectives) {
    if (placed.factor >= 0) continue;
    reshards.push_back({{"instruction", placed.is_before ? graph.Path(placed.node) : ""},
                        {"tensor", LabelOf(module, placed.tensor)},
                        {"bytes", absl::StrCat(static_cast<int64_t>(placed.step.bytes.value))}});
  }
  return json;
}

}  // namespace

absl::StatusOr<Json> InspectModule(absl::string_view bytes, const GivenRoleList& roles) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, roles));
  const Graph& graph = module->graph();
  const xla::HloModuleProto& proto = *graph.module().proto;
  int64_t instructions = 0;
  std::map<std::string, int64_t> opcodes;
  for (const auto& computation : proto.computations()) {
    instructions += computation.instructions_size();
    for (const auto& instruction : computation.instructions()) ++opcodes[instruction.opcode()];
  }
  double flops = 0;
  std::map<std::string, Arithmetic> by_opcode;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    const Arithmetic arithmetic = ArithmeticOf(graph, node);
    flops += arithmetic.flops * static_cast<double>(graph.node(node).trips);
    Arithmetic& sum = by_opcode[std::string(OpcodeName(graph.node(node).opcode))];
    sum.flops += arithmetic.flops;
    sum.transcendentals += arithmetic.transcendentals;
  }
  Json json = {{"module", proto.name()},
               {"instructions", instructions},
               {"computations", proto.computations_size()},
               {"bytes", graph.module().byte_count},
               {"sha256", graph.module().sha256},
               {"nodes", graph.node_count()},
               {"flops", flops}};
  // Loop bodies once, as XLA's cost analysis counts.
  Json& arithmetic = json["arithmetic"] = Json::object();
  for (const auto& [opcode, sum] : by_opcode) {
    if (sum == Arithmetic{}) continue;
    arithmetic[opcode] = {{"flops", sum.flops}, {"transcendentals", sum.transcendentals}};
  }
  Json& parameters = json["parameters"] = Json::array();
  double parameter_bytes = 0;
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    parameters.push_back(ParameterJson(*module, p));
    parameter_bytes += module->lowering().SizeOf(graph.parameters()[p].tensor).value;
  }
  json["parameterBytes"] = static_cast<int64_t>(parameter_bytes);
  json["opcodes"] = opcodes;
  json["unsupported"] = module->Unsupported();
  json["remarks"] = graph.remarks();
  return json;
}

absl::StatusOr<Json> ProposeGroups(absl::string_view bytes, const GivenRoleList& roles,
                                   const AxisQuestion& question) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, roles));
  ASSIGN_OR_RETURN(const PropagationOptions options, OptionsOf(question));
  const Graph& graph = module->graph();
  const LinkageGroups found =
      FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, options);
  Json json = {{"axisSize", question.axis_size}};
  Json& groups = json["groups"] = Json::array();
  for (size_t g = 0; g < found.groups.size(); ++g) {
    const LinkageGroup& group = found.groups[g];
    Json members = Json::array();
    for (const ParameterDim& member : group.members) members.push_back(PlaceJson(graph, member));
    Json entry = {{"id", g},
                  {"members", members},
                  {"copies", found.copies[group.structure]},
                  {"structure", group.structure},
                  {"conflicts", found.conflicts[g]},
                  {"name", module->roles().names[group.members.front().parameter]}};
    if (!group.implied.empty()) entry["implied"] = group.implied;
    if (!group.cuts.empty()) entry["reshards"] = CutsJson(*module, group);
    groups.push_back(std::move(entry));
  }
  json["infeasible"] = InfeasibleJson(*module, options, found.infeasible);
  return json;
}

absl::StatusOr<Json> PropagateSplits(absl::string_view bytes, const GivenRoleList& roles,
                                     const AxisQuestion& question,
                                     const std::vector<std::string>& sets) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, roles));
  const Graph& graph = module->graph();
  std::vector<ParameterDim> decisions;
  for (const std::string& set : sets) {
    ASSIGN_OR_RETURN(const ParameterDim decision, ParsePlace(*module, set));
    decisions.push_back(decision);
  }
  ASSIGN_OR_RETURN(const PropagationOptions options, OptionsOf(question));
  const Cuts cuts = CutsFor(*module, options, decisions);
  if (const auto explanation =
          ExplainConflict(module->wiring(), module->roles(), options, decisions, nullptr, &cuts)) {
    return Json{{"verdict", "CONFLICT"}, {"conflict", ConflictJson(graph, *explanation)}};
  }
  Propagation propagation(module->wiring(), options);
  propagation.SetCuts(&cuts);
  for (const ParameterDim& decision : decisions) {
    if (const auto conflict =
            propagation.Split({graph.parameters()[decision.parameter].tensor, decision.dim})) {
      return absl::InternalError(
          absl::StrCat("unexplained conflict: ", Describe(graph, *conflict)));
    }
  }
  return OutcomeJson(*module, propagation);
}

}  // namespace automap
