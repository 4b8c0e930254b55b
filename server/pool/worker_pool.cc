#include "server/pool/worker_pool.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/jobs/job_state.h"
#include "server/worker/status_proto.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kPoll =
    absl::Milliseconds(100);  // how often a run looks whether it was cancelled
constexpr absl::Duration kIdlePoll = absl::Seconds(2);  // behind the wake-ups
constexpr absl::Duration kVerifyTimeout = absl::Minutes(10);

int64_t Now() { return absl::ToUnixNanos(absl::Now()); }

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(time));
}

}  // namespace

// One thread's processes, and the run of one job on them.
class WorkerPool::Runner {
 public:
  explicit Runner(WorkerPool& pool) : pool_(pool) {}

  void Run(const v1::PlanJob& job) {
    const auto plan = Plan(job);
    End(job, plan);
  }

  // Starts the searching process ahead of the first job.
  void WarmUp() {
    if (searcher_ != nullptr) return;
    auto process = WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits);
    if (process.ok()) searcher_ = *std::move(process);
  }

 private:
  absl::StatusOr<v1::Plan> Plan(const v1::PlanJob& job) {
    ASSIGN_OR_RETURN(std::string module, pool_.read_module_(job.spec()));
    absl::Duration limit = pool_.options_.max_run_timeout;
    if (job.options().has_run_timeout()) {
      limit = std::min(
          limit, absl::Nanoseconds(TimeUtil::DurationToNanoseconds(job.options().run_timeout())));
    }
    worker::v1::Task search;
    search.mutable_plan()->set_module(module);
    *search.mutable_plan()->mutable_cluster() = job.spec().inline_cluster();
    *search.mutable_plan()->mutable_options() = job.spec().options();
    search.mutable_plan()->set_time_limit_s(absl::ToDoubleSeconds(limit));
    ASSIGN_OR_RETURN(
        const worker::v1::Done found,
        RunTask(searcher_, job.name(), search, absl::Now() + limit + pool_.options_.overrun_grace));
    RETURN_IF_ERROR(FromProto(found.status()));
    v1::Progress verifying;
    verifying.set_phase(v1::Progress::VERIFYING);
    verifying.set_best_cost_s(found.plan().cost().step_time_s());
    pool_.feed_.Publish(job.name(), verifying);
    worker::v1::Task check;
    check.mutable_verify()->set_module(std::move(module));
    *check.mutable_verify()->mutable_cluster() = job.spec().inline_cluster();
    *check.mutable_verify()->mutable_plan() = found.plan();
    ASSIGN_OR_RETURN(const worker::v1::Done verdict,
                     RunTask(verifier_, job.name(), check, absl::Now() + kVerifyTimeout));
    const absl::Status status = FromProto(verdict.status());
    if (!status.ok()) return absl::InternalError(absl::StrCat("PLAN_REJECTED: ", status.message()));
    return found.plan();
  }

  // UNAVAILABLE: the process died. CANCELLED: the job was cancelled or the server drains; the
  // process is gone.
  absl::StatusOr<worker::v1::Done> RunTask(std::unique_ptr<WorkerProcess>& process,
                                           const std::string& job, const worker::v1::Task& task,
                                           absl::Time deadline) {
    if (process == nullptr) {
      ASSIGN_OR_RETURN(process,
                       WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits));
    }
    if (const absl::Status sent = process->Send(task, deadline); !sent.ok())
      return Lost(process, sent);
    while (true) {
      auto event = process->Receive(absl::Now() + kPoll);
      if (pool_.draining_ || pool_.IsCancelled(job)) {
        process.reset();
        return absl::CancelledError("stopped");
      }
      if (!event.ok() && event.status().code() == absl::StatusCode::kDeadlineExceeded) {
        if (absl::Now() < deadline) continue;
        process.reset();
        return absl::DeadlineExceededError("run_timeout passed without a plan");
      }
      if (!event.ok()) return Lost(process, event.status());
      if (event->has_done()) return std::move(*event->mutable_done());
      if (event->has_progress()) pool_.feed_.Publish(job, event->progress());
      if (event->has_improved_plan() &&
          pool_.store_.AddImprovedPlan(job, event->improved_plan(), Now()).ok())
        pool_.feed_.Notify(job);
    }
  }

  absl::Status Lost(std::unique_ptr<WorkerProcess>& process, const absl::Status& status) {
    process.reset();
    ++pool_.worker_deaths_;
    return absl::UnavailableError(absl::StrCat("WORKER_LOST: ", status.message()));
  }

  void End(const v1::PlanJob& running, const absl::StatusOr<v1::Plan>& plan) {
    const auto present = pool_.store_.Get(running.name());
    if (!present.ok()) return;
    v1::PlanJob job = *present;
    const bool was_cancelled = job.state() == v1::PlanJob::CANCELLING;
    const bool retries = !was_cancelled && plan.status().code() == absl::StatusCode::kUnavailable &&
                         job.attempts() < pool_.options_.max_attempts;
    const bool drained = !was_cancelled && plan.status().code() == absl::StatusCode::kCancelled;
    if (retries || drained) {
      job.set_state(v1::PlanJob::PENDING);
      if (drained) job.set_attempts(job.attempts() - 1);
    } else {
      *job.mutable_end_time() = TimeUtil::NanosecondsToTimestamp(Now());
      job.set_state(plan.ok()       ? v1::PlanJob::SUCCEEDED
                    : was_cancelled ? v1::PlanJob::CANCELLED
                                    : v1::PlanJob::FAILED);
      if (!plan.ok())
        *job.mutable_error() = ToProto(
            was_cancelled ? absl::CancelledError("cancelled by the caller") : plan.status());
      *job.mutable_progress() = pool_.feed_.Latest(job.name()).second;
    }
    if (pool_.store_.Update(job, plan.ok() ? &*plan : nullptr).ok() && IsEnded(job.state())) {
      pool_.on_end_({job, ToTime(job.start_time()) - ToTime(job.create_time()),
                     ToTime(job.end_time()) - ToTime(job.start_time())});
      pool_.feed_.Forget(job.name());
    }
    pool_.feed_.Notify(job.name());
    if (retries) pool_.Wake();
  }

  WorkerPool& pool_;
  std::unique_ptr<WorkerProcess> searcher_, verifier_;
};

WorkerPool::WorkerPool(PoolOptions options, JobStore& store, JobFeed& feed,
                       ModuleReader read_module, std::function<void(const JobEnd&)> on_end)
    : options_(std::move(options)),
      store_(store),
      feed_(feed),
      read_module_(std::move(read_module)),
      on_end_(std::move(on_end)) {}

WorkerPool::~WorkerPool() { Drain(); }

void WorkerPool::Start() {
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { RunThread(); });
}

void WorkerPool::RunThread() {
  Runner runner(*this);
  runner.WarmUp();
  while (!draining_) {
    int64_t seen = 0;
    {
      MutexLock lock(mutex_);
      seen = wakes_;
    }
    const auto job = store_.ClaimNext(Now());
    if (job.ok() && job->has_value()) {
      feed_.Notify((*job)->name());
      ++busy_;
      runner.Run(**job);
      --busy_;
      MutexLock lock(mutex_);
      cancelled_.erase((*job)->name());
      continue;
    }
    std::unique_lock<Mutex> lock(mutex_);
    wake_.wait_for(lock, absl::ToChronoMilliseconds(kIdlePoll),
                   [&] { return wakes_ != seen || draining_; });
  }
}

void WorkerPool::Wake() {
  {
    MutexLock lock(mutex_);
    ++wakes_;
  }
  wake_.notify_all();
}

void WorkerPool::Cancel(const std::string& job) {
  MutexLock lock(mutex_);
  cancelled_.insert(job);
}

bool WorkerPool::IsCancelled(const std::string& job) {
  MutexLock lock(mutex_);
  return cancelled_.contains(job);
}

void WorkerPool::Drain() {
  draining_ = true;
  Wake();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace automap
