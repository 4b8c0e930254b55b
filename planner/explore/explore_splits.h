// The splits of one strategy as problems: first the data axis over the inputs, then the model axis
// over the variables.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "planner/explore/bound.h"
#include "planner/explore/split_problem.h"

namespace automap {

// What is to be searched: a problem on the last axis, given the decisions on the axes before it.
struct SplitTask {
  Decisions outer;                            // may be empty
  std::unique_ptr<AppliedDecisions> applied;  // of `outer`; the problem refers to it
  std::unique_ptr<SplitProblem> problem;      // null: a single device, nothing to split

  // Outer decisions and the problem's chosen ones together.
  Decisions With(const std::vector<bool>& chosen) const;
};

struct SplitTaskOptions {
  std::string strategy;   // "opp" or "adp"
  int32_t axis_size = 0;  // of the model axis; 0: all devices
  Semantics semantics = {};
  bool fold_copies = true;
  bool ignore_memory = false;
};

// "adp": the inputs on an axis of all devices. "opp": the variables on an axis of `axis_size`
// devices; the other devices are data-parallel replicas where splitting inputs helps (by the
// bound's own choice), else idle. INVALID_ARGUMENT when the axis size does not divide the device
// count, FAILED_PRECONDITION when nothing has the role. `unpriced` hears of the task before the
// problem is priced, which takes about as long as all before.
absl::StatusOr<SplitTask> MakeSplitTask(const PreparedModule& module, const Cluster& cluster,
                                        const SplitTaskOptions& options,
                                        const std::function<void(const SplitTask&)>& unpriced = {});

}  // namespace automap
