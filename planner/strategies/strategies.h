// The strategies, started on a request; the seam is strategy.h.
#pragma once

#include <memory>

#include "planner/strategies/strategy.h"

namespace automap {

// "adp": the inputs on a mesh axis of all devices.
std::unique_ptr<StrategyRun> StartDataParallelism(const PlanRequest& request);

// "opp": the variables on a model axis, the inputs on what devices are left.
std::unique_ptr<StrategyRun> StartOperators(const PlanRequest& request);

// "pp": stages.
std::unique_ptr<StrategyRun> StartPipeline(const PlanRequest& request);

// "hybrid": stages whose arrays are split on a model axis, stages alone among them.
std::unique_ptr<StrategyRun> StartHybrid(const PlanRequest& request);

}  // namespace automap
