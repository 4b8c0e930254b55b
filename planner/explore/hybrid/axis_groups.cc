#include "planner/explore/hybrid/axis_groups.h"

namespace automap {

std::shared_ptr<const AxisGroups> KnownAxisGroups::Of(const StepCosts& costs, int32_t size,
                                                      const Semantics& semantics) {
  const Wiring& wiring = costs.module().wiring();
  const PriorSplits& batch = costs.batch_splits();
  for (const Known& known : known_) {
    if (known.size == size && known.semantics == semantics &&
        LeaveAlike(wiring, *known.batch, batch, size))
      return known.groups;
  }
  auto found = std::make_shared<AxisGroups>();
  found->all = FindUnnumberedGroups(wiring, costs.module().roles(), Role::kVariable,
                                    {size, semantics}, &batch);
  found->is_additive = !AnyOverlap(wiring, found->all.groups);
  known_.push_back({&batch, size, semantics, found});
  return found;
}

}  // namespace automap
