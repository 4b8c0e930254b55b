// The worker's side: tasks in, events out, one task after the other.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "automap/worker/v1/worker.pb.h"
#include "planner/plan_module.h"

namespace automap {

// What a worker can do; the planner's front doors in the real program, something smaller in tests.
struct WorkerFunctions {
  std::function<absl::StatusOr<v1::Plan>(const worker::v1::PlanTask&, const PlanObserver&,
                                         const std::function<bool()>& stop, SearchJournal* journal)>
      plan;
  std::function<absl::Status(const worker::v1::VerifyTask&)> verify;
};

// Serves tasks from `in` until it ends, then returns 0. SIGTERM ends the present task with the best
// plan so far, SIGUSR1 asks it for a checkpoint. Checkpoints are sealed journals (checkpoint.h).
// Dies with its parent. Memory exhaustion and other exceptions of libraries become
// RESOURCE_EXHAUSTED and INTERNAL.
int RunWorker(int in, int out, const WorkerFunctions& functions);

// In a worker's environment: the number of the process that started it.
inline constexpr char kParentVariable[] = "AUTOMAP_PARENT";

// As the program's main: takes stdin and stdout for itself and turns everything else written to
// stdout to stderr. `confine` runs before the first task; a worker that could not be confined says
// so on stderr and works all the same.
int WorkerMain(const WorkerFunctions& functions, absl::Status (*confine)() = nullptr);

}  // namespace automap
