// The strategies, one function each; the seam is strategy.h.
#pragma once

#include "planner/strategies/strategy.h"

namespace automap {

// "adp": the inputs on a mesh axis of all devices.
PlanByStrategy PlanDataParallelism;

// "opp": the variables on a model axis, the inputs on what devices are left.
PlanByStrategy PlanOperators;

// "pp": stages.
PlanByStrategy PlanPipeline;

// "hybrid": stages whose arrays are split on a model axis, stages alone among them.
PlanByStrategy PlanHybrid;

}  // namespace automap
