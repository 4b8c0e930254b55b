#include "server/worker/run_worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string>

#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "base/ticker.h"
#include "base/version.h"
#include "server/worker/checkpoint.h"
#include "server/worker/frames.h"
#include "server/worker/status_proto.h"

namespace automap {
namespace {

constexpr int64_t kMaxTaskBytes = int64_t{300} << 20;

// From a task to the module that follows it; a parent of another version may send none.
constexpr absl::Duration kModuleTime = absl::Seconds(60);

// Larger ones are not sent: that search has none.
constexpr size_t kMaxCheckpointBytes = size_t{60} << 20;

constexpr double kCheckpointShare = 0.01;  // of the search's time

constexpr absl::Duration kHeartbeat = absl::Seconds(1);

std::atomic<bool> stop_requested = false, checkpoint_requested = false;

void RequestStop(int) { stop_requested = true; }
void RequestCheckpoint(int) { checkpoint_requested = true; }

class Worker {
 public:
  Worker(int in, int out, const WorkerFunctions& functions)
      : in_(in), out_(out), functions_(functions) {}

  int Run() {
    worker::v1::Event ready;
    ready.mutable_ready()->set_planner_version(kPlannerVersion);
    Send(ready);
    while (true) {
      const auto bytes = ReadMessage(in_, kMaxTaskBytes, absl::InfiniteFuture());
      if (!bytes.ok()) return bytes.status().code() == absl::StatusCode::kUnavailable ? 0 : 1;
      auto module = ReadMessage(in_, kMaxTaskBytes, SteadyNow() + kModuleTime);
      if (!module.ok()) return module.status().code() == absl::StatusCode::kUnavailable ? 0 : 1;
      worker::v1::Task task;
      worker::v1::Event done;
      if (task.ParseFromString(*bytes)) {
        stop_requested = checkpoint_requested = false;
        (task.has_plan() ? *task.mutable_plan()->mutable_module()
                         : *task.mutable_verify()->mutable_module()) = *std::move(module);
        *done.mutable_done() = Serve(task);
      } else {
        *done.mutable_done()->mutable_status() =
            ToProto(absl::InvalidArgumentError("task: not a message"));
      }
      Send(done);
    }
  }

 private:
  worker::v1::Done Serve(const worker::v1::Task& task) {
    const Ticker heart(kHeartbeat, [this] {
      worker::v1::Event beat;
      beat.mutable_heartbeat();
      Send(beat);
    });
    worker::v1::Done done;
    absl::Status status;
    try {
      if (task.has_plan()) {
        bool cut_short = false;
        auto plan = Plan(task.plan(), cut_short);
        done.set_cut_short(cut_short);
        status = plan.status();
        if (plan.ok()) *done.mutable_plan() = *std::move(plan);
      } else {
        status = functions_.verify(task.verify());
      }
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError(
          "worker: out of memory; the module is too large for the worker's cap");
    } catch (const std::exception& error) {
      status = absl::InternalError(error.what());
    }
    *done.mutable_status() = ToProto(status);
    return done;
  }

  absl::StatusOr<v1::Plan> Plan(const worker::v1::PlanTask& task, bool& cut_short) {
    const absl::Time deadline = task.time_limit_s() > 0
                                    ? SteadyNow() + absl::Seconds(task.time_limit_s())
                                    : absl::InfiniteFuture();
    PlanObserver observer;
    observer.progress = [&](const v1::Progress& progress) {
      worker::v1::Event event;
      *event.mutable_progress() = progress;
      Send(event);
    };
    observer.improved_plan = [&](const v1::Plan& plan) {
      worker::v1::Event event;
      *event.mutable_improved_plan() = plan;
      Send(event);
    };
    const std::function<bool()> stop = [&] {
      const bool stops = stop_requested.load() || SteadyNow() > deadline;
      cut_short = cut_short || stops;
      return stops;
    };
    if (task.checkpoint_interval_s() <= 0) return functions_.plan(task, observer, stop, nullptr);
    std::string fingerprint;  // made when it is needed: it takes the whole module
    const SearchJournal::Save save = [&](const std::string& bytes) {
      if (fingerprint.empty()) fingerprint = FingerprintOf(task);
      worker::v1::Event event;
      event.set_checkpoint(SealCheckpoint(bytes, fingerprint));
      if (event.checkpoint().size() <= kMaxCheckpointBytes) Send(event);
    };
    SearchJournal journal(JournalOf(task), absl::Seconds(task.checkpoint_interval_s()), save,
                          kCheckpointShare, [] { return checkpoint_requested.exchange(false); });
    return functions_.plan(task, observer, stop, &journal);
  }

  // Where an earlier run was; empty when the search begins.
  std::string JournalOf(const worker::v1::PlanTask& task) {
    if (task.resume_from().empty()) return "";
    auto journal = OpenCheckpoint(task.resume_from(), FingerprintOf(task));
    worker::v1::Event event;
    *event.mutable_resumed() = ToProto(journal.status());
    Send(event);
    return journal.ok() ? *std::move(journal) : std::string();
  }

  // A parent that does not listen any more is noticed at the next read.
  void Send(const worker::v1::Event& event) {
    MutexLock lock(mutex_);
    WriteMessage(out_, event.SerializeAsString(), absl::InfiniteFuture()).IgnoreError();
  }

  const int in_, out_;
  const WorkerFunctions& functions_;
  Mutex mutex_;  // one message after the other
};

}  // namespace

int RunWorker(int in, int out, const WorkerFunctions& functions) {
  return Worker(in, out, functions).Run();
}

int WorkerMain(const WorkerFunctions& functions, absl::Status (*confine)()) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Who started it may have died before that took effect. Not told by its number being 1: in a
  // container the server has it.
  const char* parent = std::getenv(kParentVariable);
  if (parent != nullptr && std::to_string(getppid()) != parent) return 1;
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {};
  action.sa_handler = RequestStop;
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = RequestCheckpoint;
  sigaction(SIGUSR1, &action, nullptr);
  const int out = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  if (confine != nullptr) {
    if (const absl::Status status = confine(); !status.ok())
      std::cerr << "automap-worker: " << status.message() << "\n";
  }
  return RunWorker(STDIN_FILENO, out, functions);
}

}  // namespace automap
