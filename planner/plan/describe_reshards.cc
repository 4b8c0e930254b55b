#include "planner/plan/describe_reshards.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "planner/plan/communication.h"

namespace automap {
namespace {

// The result leaf that a tensor is, or -1.
int32_t OutputOf(const Graph& graph, TensorId tensor) {
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    if (graph.outputs()[o].tensor == tensor) return static_cast<int32_t>(o);
  }
  return -1;
}

absl::Status Refuse(const std::string& path, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": must be ", expected));
}

absl::StatusOr<Cut> CutOf(const Graph& graph, const v1::Plan::Reshard& message,
                          const std::string& path) {
  if (message.node() == -1) {
    const bool is_output =
        message.operand() >= 0 && message.operand() < static_cast<int64_t>(graph.outputs().size());
    if (!is_output) return Refuse(path + ".operand", "a result leaf");
    return Cut{-1, graph.outputs()[message.operand()].tensor};
  }
  if (message.node() < 0 || message.node() >= graph.node_count()) {
    return Refuse(path + ".node", absl::StrCat("-1 or below ", graph.node_count()));
  }
  if (message.instruction() != graph.Path(message.node())) {
    return Refuse(path + ".instruction", graph.Path(message.node()));
  }
  const auto operands = graph.operands(message.node());
  if (message.operand() < 0 || message.operand() >= static_cast<int64_t>(operands.size())) {
    return Refuse(path + ".operand", absl::StrCat("below ", operands.size()));
  }
  return Cut{message.node(), message.operand()};
}

}  // namespace

std::string LabelOf(const PreparedModule& module, TensorId tensor) {
  const Graph& graph = module.graph();
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    if (graph.parameters()[p].tensor == tensor) return module.roles().names[p];
  }
  const NodeId producer = graph.tensor(tensor).producer;
  const std::string name = graph.EffectiveName(producer);
  return name.empty() ? graph.Path(producer) : absl::StrCat(graph.Path(producer), " ", name);
}

void FillReshards(const PreparedModule& module, const Decisions& decisions,
                  const std::vector<const Propagation*>& axes, v1::Plan& plan) {
  const Graph& graph = module.graph();
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (decisions.axes[axis].cuts.empty()) continue;
    const auto collectives = CollectivesOf(module.lowering(), static_cast<int32_t>(axis), axes);
    for (const Cut& cut : decisions.axes[axis].cuts) {
      const TensorId tensor = cut.node < 0 ? cut.operand : graph.operands(cut.node)[cut.operand];
      v1::Plan::Reshard& message = *plan.add_reshards();
      message.set_axis(decisions.axes[axis].name);
      message.set_node(cut.node);
      if (cut.node >= 0) message.set_instruction(graph.Path(cut.node));
      message.set_operand(cut.node < 0 ? OutputOf(graph, tensor) : cut.operand);
      message.set_tensor(LabelOf(module, tensor));
      const auto moved = std::find_if(
          collectives.begin(), collectives.end(),
          [&](const auto& placed) { return placed.factor < 0 && placed.tensor == tensor; });
      if (moved == collectives.end()) continue;
      message.set_kind(
          static_cast<v1::Plan::Collective::Kind>(static_cast<int>(moved->step.kind) + 1));
      message.set_bytes(static_cast<int64_t>(moved->step.bytes.value));
    }
  }
}

absl::Status ReadCuts(const PreparedModule& module, const v1::Plan& plan, Decisions& decisions) {
  if (plan.reshards_size() > 0 && !decisions.semantics.reshards) {
    return Refuse("semantics.reshards", "true where there are reshards");
  }
  for (int i = 0; i < plan.reshards_size(); ++i) {
    const std::string path = absl::StrCat("reshards[", i, "]");
    const auto axis = std::find_if(
        decisions.axes.begin(), decisions.axes.end(),
        [&](const AxisDecisions& candidate) { return candidate.name == plan.reshards(i).axis(); });
    if (axis == decisions.axes.end()) return Refuse(path + ".axis", "an axis of the mesh");
    const auto cut = CutOf(module.graph(), plan.reshards(i), path);
    if (!cut.ok()) return cut.status();
    axis->cuts.push_back(*cut);
  }
  for (AxisDecisions& axis : decisions.axes) std::sort(axis.cuts.begin(), axis.cuts.end());
  return absl::OkStatus();
}

}  // namespace automap
