#include "planner/plan/all_reduces.h"

namespace automap {

AllReduces CountAllReduces(const Lowering& lowering, const Propagation& propagation) {
  AllReduces total;
  const Wiring& wiring = lowering.wiring();
  for (const int32_t entry : propagation.trail()) {
    if (Propagation::IsTensor(entry)) continue;
    const NodeId node = Propagation::AsNode(entry);
    const int64_t trips = wiring.graph().node(node).trips;
    for (const TensorId result : wiring.partial_results(propagation.selected(node))) {
      total.count += trips;
      total.bytes += lowering.SizeOf(result).value * static_cast<double>(trips);
    }
  }
  return total;
}

}  // namespace automap
