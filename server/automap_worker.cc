// automap-worker: everything that computes, one process per running job.
#include "planner/plan_module.h"
#include "planner/verify_module_plan.h"
#include "server/worker/run_worker.h"
#include "server/worker/sandbox.h"

int main() {
  automap::WorkerFunctions functions;
  functions.plan = [](const automap::worker::v1::PlanTask& task,
                      const automap::PlanObserver& observer, const std::function<bool()>& stop,
                      automap::SearchJournal* journal) {
    return automap::PlanModule(task.module(), task.cluster(), task.options(), observer, stop,
                               journal);
  };
  functions.verify = [](const automap::worker::v1::VerifyTask& task) {
    return automap::VerifyModulePlan(task.module(), task.cluster(), task.plan());
  };
#ifdef AUTOMAP_SANITIZED  // they look into the process
  return automap::WorkerMain(functions);
#else
  return automap::WorkerMain(functions, automap::EnterSandbox);
#endif
}
