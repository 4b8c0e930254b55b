// A worker for tests of the server: no planning, and faults on demand. The module's text says what
// to do:
//   "ok"        a plan at once            "slow"   a plan after 3 s, with progress
//   "forever"   never a plan              "slow-ish"  as slow, after 0.3 s
//   "flood"     20 MB of improved plans, then a plan
//   "crash"     dies by SIGKILL on the first attempt
//   "always-crash"                        "wrong"  a plan that the verifier refuses
//   "allocate"  memory without end        "stuck"  does not stop when told to
//   "quick"     a plan after 50 ms         "ticks N"  an improved plan every N ms, 20 or for 4 s
//   "trace"     a plan whose proof is the trace that the task carries
//   "count"     a plan after ten steps that it keeps in its journal; "count N": after N
// The first attempt of "crash" leaves a file named by the options' seed under FAKE_WORKER_DIR;
// later attempts find it. "stuck" leaves its pid in stuck-pid there.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "absl/time/clock.h"
#include "server/worker/run_worker.h"

namespace automap {
namespace {

bool IsFirstAttempt(uint64_t seed) {
  const char* folder = std::getenv("FAKE_WORKER_DIR");
  const std::string path =
      std::string(folder != nullptr ? folder : "/tmp") + "/fake-worker-" + std::to_string(seed);
  const bool is_first = !std::ifstream(path).good();
  std::ofstream(path) << "x";
  return is_first;
}

v1::Plan MakePlan(const std::string& proof) {
  v1::Plan plan;
  plan.set_strategy("opp");
  plan.mutable_cost()->set_step_time_s(1);
  plan.mutable_bound()->set_proof(proof);
  plan.mutable_bound()->set_lower_bound_s(0.9);
  plan.mutable_bound()->set_gap(0.1);
  return plan;
}

void Tick(const PlanObserver& observer, int milliseconds) {
  for (int i = 0; i < std::min(20, 4000 / milliseconds); ++i) {
    absl::SleepFor(absl::Milliseconds(milliseconds));
    observer.improved_plan(MakePlan("better"));
  }
}

// Steps of 20 ms.
void Count(const PlanObserver& observer, SearchJournal* journal, int steps) {
  const SearchJournal::Part part = SearchJournal::Begin(journal, "count");
  for (int step = part.state().empty() ? 0 : std::stoi(part.state()); step < steps; ++step) {
    absl::SleepFor(absl::Milliseconds(20));
    if (step == 1) observer.improved_plan(MakePlan("first"));
    if (part.IsDue()) part.Keep(std::to_string(step + 1));
  }
}

absl::StatusOr<v1::Plan> Plan(const worker::v1::PlanTask& task, const PlanObserver& observer,
                              const std::function<bool()>& stop, SearchJournal* journal) {
  const std::string& order = task.module();
  if (order == "count") Count(observer, journal, 10);
  if (order.rfind("count ", 0) == 0) Count(observer, journal, std::stoi(order.substr(6)));
  if (order == "quick") absl::SleepFor(absl::Milliseconds(50));
  if (order.rfind("ticks ", 0) == 0) Tick(observer, std::stoi(order.substr(6)));
  if (order == "always-crash" || (order == "crash" && IsFirstAttempt(task.options().seed())))
    kill(getpid(), SIGKILL);
  if (order == "allocate") {
    std::vector<std::vector<char>> hoard;
    while (true) hoard.emplace_back(64 << 20, 'x');
  }
  if (order == "stuck") {
    std::ofstream(std::string(std::getenv("FAKE_WORKER_DIR")) + "/stuck-pid") << getpid();
    while (true) absl::SleepFor(absl::Seconds(1));
  }
  if (order == "flood") {
    for (int i = 0; i < 100 && !stop(); ++i)
      observer.improved_plan(MakePlan(std::string(200'000, 'x')));
  }
  const int tenths = order == "slow"       ? 30
                     : order == "slow-ish" ? 3
                     : order == "forever"  ? 100000
                                           : 0;
  for (int i = 0; i < tenths && !stop(); ++i) {
    v1::Progress progress;
    progress.set_phase(v1::Progress::SEARCHING);
    progress.set_decisions(i + 1);
    observer.progress(progress);
    if (i == 1) observer.improved_plan(MakePlan("first"));
    absl::SleepFor(absl::Milliseconds(100));
  }
  return MakePlan(order == "trace" ? task.traceparent() : order);
}

absl::Status Verify(const worker::v1::VerifyTask& task) {
  return task.plan().bound().proof() == "wrong"
             ? absl::FailedPreconditionError("plan.bound.proof: wrong")
             : absl::OkStatus();
}

}  // namespace
}  // namespace automap

int main() { return automap::WorkerMain({automap::Plan, automap::Verify}); }
