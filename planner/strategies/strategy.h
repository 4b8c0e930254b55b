// The seam for strategies: ways to distribute a step. To add one: write it beside stages.cc,
// declare it in strategies.h, put it into its row in catalog.cc and its name into
// planner/strategy_names.h; the contract in tests/contracts/strategy_contract.h runs over every
// row.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "automap/v1/plan.pb.h"
#include "planner/strategies/plan_request.h"

namespace automap {

// One strategy at work on one request. Both steps are called once, in this order.
//
// Contract: plans are such that VerifyModulePlan accepts them, and fit unless the limit is lifted;
// the observer hears of plans only that are better than those before, or of one again with a better
// bound; the same request gives the same plan; once `request.stop` says true both steps end soon,
// with the best so far. FAILED_PRECONDITION, in words for the user, where the strategy has no plan;
// DEADLINE_EXCEEDED when stopped before the first.
class StrategyRun {
 public:
  virtual ~StrategyRun() = default;

  // What is exact and quick: how good a plan could be, and the best that is known then, which is
  // passed on. `incumbent` is the shortest step that other strategies proved, if any: what cannot
  // beat it need not be looked into. Returns the step time of the best plan; nothing where engines
  // have to find the first one.
  virtual absl::StatusOr<std::optional<Seconds>> Prove(std::optional<Seconds> incumbent) = 0;

  // What the engines find; then the best plan of all, but for search.wall_s.
  virtual absl::StatusOr<v1::Plan> Learn() = 0;
};

struct StrategyRow {
  absl::string_view name;  // as in requests and plans
  // The request is copied; what it points to must outlive the run.
  std::unique_ptr<StrategyRun> (*start)(const PlanRequest& request);
  bool has_stages = false;      // answers options.stages above 1
  bool has_model_axis = false;  // answers options.axis_size above 1
  bool takes_profiles = false;  // plans a chain of layers without operations as well
};

// In the order in which they are tried.
absl::Span<const StrategyRow> StrategyCatalog();

}  // namespace automap
