#include "planner/explore/pipeline/batch.h"

#include <algorithm>
#include <numeric>

#include "planner/plan/work.h"
#include "planner/propagation/linkage_groups.h"

namespace automap {
namespace {

// FLOPs of the operations that a group cuts. `known`: of one execution by node, negative until it
// is asked for.
double WorkOf(const PreparedModule& module, const LinkageGroup& group, std::vector<double>& known) {
  double flops = 0;
  for (const FactorId factor : group.factors) {
    const NodeId node = module.wiring().factor(factor).node;
    if (known[node] < 0) known[node] = FlopsOf(module.graph(), node).value;
    flops += known[node] * module.graph().node(node).trips;
  }
  return flops;
}

}  // namespace

Batch FindBatch(const PreparedModule& module, int64_t parts) {
  const LinkageGroups found =
      FindUnnumberedGroups(module.wiring(), module.roles(), Role::kInput, {parts, {}});
  std::vector<double> work, known(module.graph().node_count(), -1);
  for (const LinkageGroup& group : found.groups) work.push_back(WorkOf(module, group, known));
  std::vector<int32_t> order(found.groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return work[a] > work[b]; });
  Batch batch;
  std::vector<bool> is_excluded(found.groups.size(), false);
  for (const int32_t g : order) {
    if (is_excluded[g] || work[g] <= 0) continue;
    for (const int32_t other : found.conflicts[g]) is_excluded[other] = true;
    if (batch.propagation == nullptr) {
      batch.propagation =
          std::make_unique<Propagation>(module.wiring(), PropagationOptions{parts, {}});
    }
    const ParameterDim& member = found.groups[g].members.front();
    const TensorId tensor = module.graph().parameters()[member.parameter].tensor;
    if (batch.propagation->Split({tensor, member.dim})) continue;
    batch.inputs.insert(batch.inputs.end(), found.groups[g].members.begin(),
                        found.groups[g].members.end());
  }
  for (const ParameterDim& input : batch.inputs) {
    const TensorId tensor = module.graph().parameters()[input.parameter].tensor;
    const int64_t size = module.graph().tensor(tensor).dims[input.dim];
    batch.size = &input == &batch.inputs.front() ? size : std::min(batch.size, size);
  }
  return batch;
}

}  // namespace automap
