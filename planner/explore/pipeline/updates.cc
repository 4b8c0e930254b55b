#include "planner/explore/pipeline/updates.h"

#include <algorithm>

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
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    if (phases.is_forward[node]) continue;
    const FactorId factor = batch.propagation == nullptr ? -1 : batch.propagation->selected(node);
    if (factor >= 0) {
      for (const TensorId sum : module.wiring().partial_results(factor)) after[sum] = true;
      continue;
    }
    const auto operands = graph.operands(node);
    is_update[node] =
        std::any_of(operands.begin(), operands.end(), [&](TensorId t) { return after[t]; });
    for (const TensorId result : graph.results(node)) after[result] = is_update[node];
  }
  return is_update;
}

}  // namespace automap
