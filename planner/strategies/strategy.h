// The seam for strategies: ways to distribute a step. To add one: write it beside stages.cc,
// declare it in strategies.h, put it into its row in catalog.cc and its name into
// planner/strategy_names.h; the contract in tests/contracts/strategy_contract.h runs over every
// row.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "automap/v1/plan.pb.h"
#include "planner/strategies/plan_request.h"

namespace automap {

// Finds the best plan of one strategy. `incumbent` is the cost of the best plan that fits of the
// strategies before it in the catalog, null without one: what cannot beat it need not be looked
// into.
//
// Contract: the plan is one that VerifyModulePlan accepts and, unless the limit is lifted, fits;
// the observer hears of plans only that are better than those before; the same request gives the
// same plan; once `request.stop` says true the best so far is returned soon. FAILED_PRECONDITION,
// in words for the user, where the strategy has no plan; DEADLINE_EXCEEDED when stopped before the
// first.
using PlanByStrategy = absl::StatusOr<v1::Plan>(const PlanRequest& request,
                                                const v1::Plan::Cost* incumbent);

struct StrategyRow {
  absl::string_view name;  // as in requests and plans
  PlanByStrategy* plan;
  bool has_stages = false;      // answers options.stages above 1
  bool has_model_axis = false;  // answers options.axis_size above 1
  bool takes_profiles = false;  // plans a chain of layers without operations as well
};

// In the order in which they are tried.
absl::Span<const StrategyRow> StrategyCatalog();

// The row of that name, or null.
const StrategyRow* FindStrategy(absl::string_view name);

}  // namespace automap
