#include "planner/plan/all_reduces.h"

#include "planner/plan/communication.h"

namespace automap {

AllReduces CountAllReduces(const Lowering& lowering, const Propagation& propagation) {
  AllReduces total;
  const Propagation* axes[] = {&propagation};
  for (const PlacedCollective& collective : CollectivesOf(lowering, 0, axes)) {
    if (collective.step.kind != CollectiveKind::kAllReduce) continue;
    total.count += collective.step.repeats;
    total.bytes += collective.step.bytes.value * static_cast<double>(collective.step.repeats);
  }
  return total;
}

}  // namespace automap
