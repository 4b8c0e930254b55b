// Several strategies, and the best of their plans.
#pragma once

#include "absl/status/status.h"
#include "planner/strategies/plan_request.h"

namespace automap {

// INVALID_ARGUMENT unless options.strategy is a strategy's name or nothing.
absl::Status CheckStrategy(const v1::PlanOptions& options);

// The best plan of the strategies that options.strategy names ("hybrid" is asked together with
// those that it contains), with the others as alternatives and why they lost. A plan that does not
// fit is no candidate. Errors: one strategy's own; of several one that says in words why none has a
// plan, and the smallest cluster that would do.
absl::StatusOr<v1::Plan> PlanStrategies(const PlanRequest& request);

}  // namespace automap
