// The front door of the planner: a module and a cluster in, the best plan out.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan_observer.h"
#include "planner/search_journal.h"

namespace automap {

// Finds a plan for the module in `module` (any format that ReadModule knows) on `cluster`.
//
// `stop` is asked after every episode and every few milliseconds of the exact searches; once it
// says true the best plan so far is returned (whose bound claims nothing where the proof was not
// complete, and strategies not begun by then are not tried), and it is DEADLINE_EXCEEDED when there
// is none yet. Same arguments and a `stop` that never says true: same
// plan.
//
// INVALID_ARGUMENT with a path for a mistake of the caller's; RESOURCE_EXHAUSTED beyond a limit;
// FAILED_PRECONDITION when the question has no plan (no variable to split, ...).
//
// With a journal the search goes on from what that knows, and notes in it how far it is: the plan
// is that of the undisturbed search, wherever that was interrupted.
absl::StatusOr<v1::Plan> PlanModule(absl::string_view module, const v1::Cluster& cluster,
                                    const v1::PlanOptions& options, const PlanObserver& observer,
                                    const std::function<bool()>& stop,
                                    SearchJournal* journal = nullptr);

}  // namespace automap
