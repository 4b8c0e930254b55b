#include "planner/explore/pipeline/updates.h"

#include <algorithm>
#include <set>

namespace automap {

std::vector<bool> FindUpdates(const PreparedModule& module, const StepPhases& phases,
                              const Batch& batch) {
  const Graph& graph = module.graph();
  std::vector<bool> is_update(graph.node_count(), false), after(graph.tensor_count(), false);
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const Role role = module.roles().of[p];
    after[graph.parameters()[p].tensor] =
        role == Role::kOptimizerState || role == Role::kOtherState;
  }
  std::vector<const xla::HloInstructionProto*> loops(graph.node_count(), nullptr);
  std::set<const xla::HloInstructionProto*> of_batch;  // run for every micro-batch
  const auto factor_of = [&](NodeId node) {
    return batch.propagation == nullptr ? FactorId{-1} : batch.propagation->selected(node);
  };
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    loops[node] = graph.OutermostCaller(node, {"while"});
    if (loops[node] != nullptr && factor_of(node) >= 0) of_batch.insert(loops[node]);
  }
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    if (phases.is_forward[node]) continue;
    const FactorId factor = factor_of(node);
    if (factor >= 0) {
      for (const TensorId sum : module.wiring().partial_results(factor)) after[sum] = true;
      continue;
    }
    const auto operands = graph.operands(node);
    const bool is_after =
        std::any_of(operands.begin(), operands.end(), [&](TensorId t) { return after[t]; });
    is_update[node] = is_after && (loops[node] == nullptr || of_batch.count(loops[node]) == 0);
    for (const TensorId result : graph.results(node)) after[result] = is_after;
  }
  return is_update;
}

}  // namespace automap
