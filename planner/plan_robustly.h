// The plan that stays good when the cost model is off.
#pragma once

#include "planner/strategies/plan_request.h"

namespace automap {

// Plans for the cluster as it is and, quickly, with bandwidths or efficiencies 20 % lower or
// higher; prices every plan found under each of these, and returns the one whose worst ratio to the
// best plan there is smallest (among equals the one found for the cluster as it is). Its cost is
// that of the cluster as it is; the fastest plan there is an alternative when it is another. About
// twice as long as PlanStrategies. Errors as PlanStrategies.
absl::StatusOr<v1::Plan> PlanRobustly(const PlanRequest& request);

}  // namespace automap
