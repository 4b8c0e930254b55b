// The plan that stays good when the cost model is off.
#pragma once

#include "planner/plan_module.h"

namespace automap {

// Plans for the cluster as it is and with bandwidths or efficiencies 20 % lower or higher, prices
// every plan found under each of these, and returns the one whose worst ratio to the best plan
// there is smallest (among equals the one found for the cluster as it is). Its cost is that of the
// cluster as it is; the fastest plan there is an alternative when it is another. Errors as
// PlanModule.
absl::StatusOr<v1::Plan> PlanRobustly(absl::string_view bytes, const v1::Cluster& cluster,
                                      const v1::PlanOptions& options, const PlanObserver& observer,
                                      const std::function<bool()>& stop, SearchJournal* journal);

}  // namespace automap
