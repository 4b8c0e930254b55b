#include "server/pool/job_runner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "google/protobuf/util/time_util.h"
#include "server/jobs/job_state.h"
#include "server/worker/status_proto.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kPoll = absl::Milliseconds(100);  // how often a run looks around
constexpr absl::Duration kRenewal = absl::Seconds(1);
constexpr absl::Duration kVerifyTimeout = absl::Minutes(10);
constexpr absl::Duration kKeepTimeout = absl::Seconds(5);  // to hand over the best plan so far
constexpr absl::Duration kWriteRetry = absl::Milliseconds(500);

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(time));
}

// Clocks may be set back while a job waits or runs.
absl::Duration Between(const google::protobuf::Timestamp& from,
                       const google::protobuf::Timestamp& to) {
  return std::max(absl::ZeroDuration(), ToTime(to) - ToTime(from));
}

}  // namespace

void JobRunner::Run(const Claim& claim) {
  job_ = claim.job.name();
  fence_ = claim.fence;
  stop_ = Stop::kNone;
  advanced_ = false;
  renewed_ = SteadyNow();
  Failpoint("pool.after_claim");
  pool_.feed_.Notify(job_);
  End(FindPlan(claim));
}

void JobRunner::WarmUp() {
  if (searcher_ != nullptr) return;
  auto process = WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits);
  if (process.ok()) searcher_ = *std::move(process);
}

absl::StatusOr<JobRunner::Found> JobRunner::FindPlan(const Claim& claim) {
  const v1::PlanJob& job = claim.job;
  if (job.options().cache_policy() == v1::CACHE_POLICY_UNSPECIFIED && !job.plan_key().empty()) {
    auto known = pool_.store_.FindPlan(job.plan_key());
    if (known.ok() && known->has_value())
      return Found{.plan = **std::move(known), .from_cache = true};
  }
  ASSIGN_OR_RETURN(std::string module, pool_.read_module_(job.spec()));
  const worker::v1::Task search = SearchTask(job, module);
  RETURN_IF_ERROR(FailpointStatus("pool.before_search"));
  ASSIGN_OR_RETURN(worker::v1::Done found,
                   RunTask(searcher_, search, absl::Seconds(search.plan().time_limit_s())));
  RETURN_IF_ERROR(FromProto(found.status()));
  RETURN_IF_ERROR(FailpointStatus("pool.before_verification"));
  v1::Progress verifying;
  verifying.set_phase(v1::Progress::VERIFYING);
  verifying.set_best_cost_s(found.plan().cost().step_time_s());
  pool_.feed_.Publish(job.name(), verifying);
  worker::v1::Task check;
  check.mutable_verify()->set_module(std::move(module));
  *check.mutable_verify()->mutable_cluster() = job.spec().inline_cluster();
  *check.mutable_verify()->mutable_plan() = found.plan();
  ASSIGN_OR_RETURN(const worker::v1::Done verdict, RunTask(verifier_, check, kVerifyTimeout));
  const absl::Status status = FromProto(verdict.status());
  if (!status.ok()) return absl::InternalError(absl::StrCat("PLAN_REJECTED: ", status.message()));
  const bool keeps = job.options().cache_policy() != v1::CACHE_POLICY_NO_STORE;
  return Found{.plan = std::move(*found.mutable_plan()),
               .caches = keeps && !found.cut_short() && !job.plan_key().empty()};
}

worker::v1::Task JobRunner::SearchTask(const v1::PlanJob& job, const std::string& module) const {
  worker::v1::Task search;
  worker::v1::PlanTask& task = *search.mutable_plan();
  task.set_module(module);
  *task.mutable_cluster() = job.spec().inline_cluster();
  *task.mutable_options() = job.spec().options();
  task.set_job(job.name());
  task.set_traceparent(job.traceparent());
  task.set_time_limit_s(absl::ToDoubleSeconds(TimeLimit(job)));
  task.set_checkpoint_interval_s(absl::ToDoubleSeconds(pool_.options_.checkpoint_interval));
  if (task.checkpoint_interval_s() > 0) task.set_resume_from(pool_.checkpoints_.Load(job.name()));
  return search;
}

// The whole run's, without the grace. With complete_by a tenth is left for verification.
absl::Duration JobRunner::TimeLimit(const v1::PlanJob& job) const {
  absl::Duration limit = pool_.options_.max_run_timeout;
  if (job.options().has_run_timeout()) {
    limit = std::min(
        limit, absl::Nanoseconds(TimeUtil::DurationToNanoseconds(job.options().run_timeout())));
  }
  if (job.options().has_complete_by()) {
    const absl::Duration left = ToTime(job.options().complete_by()) - absl::Now();
    limit = std::clamp(left - std::min(left / 10, absl::Seconds(5)), absl::Milliseconds(1), limit);
  }
  return limit;
}

// UNAVAILABLE: the process died. CANCELLED: the run stopped, `stop_` says why; the process is gone.
absl::StatusOr<worker::v1::Done> JobRunner::RunTask(std::unique_ptr<WorkerProcess>& process,
                                                    const worker::v1::Task& task,
                                                    absl::Duration limit) {
  absl::Time deadline = SteadyNow() + limit + pool_.options_.overrun_grace;
  // One that died while it had nothing to do costs the job nothing.
  if (process == nullptr || !process->IsAlive()) {
    ASSIGN_OR_RETURN(process,
                     WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits));
  }
  if (const absl::Status sent = process->Send(task, deadline); !sent.ok())
    return Lost(process, "crashed", sent.message());
  RETURN_IF_ERROR(FailpointStatus("pool.after_task_sent"));
  heard_ = SteadyNow();
  bool was_told = false;
  while (true) {
    if (stop_ == Stop::kNone) stop_ = Look();
    if (stop_ == Stop::kKeepsBest && task.has_plan()) {
      if (!was_told) deadline = std::min(deadline, SteadyNow() + kKeepTimeout);
      was_told = true;
      process->Terminate();  // again and again: it may not have begun when it heard it first
    } else if (stop_ != Stop::kNone && stop_ != Stop::kKeepsBest) {
      process.reset();
      return absl::CancelledError("stopped");
    }
    auto event = NextEvent(process, deadline);
    if (!event.ok()) return event.status();
    if (event->has_done()) {
      RETURN_IF_ERROR(FailpointStatus("pool.after_task"));
      return std::move(*event->mutable_done());
    }
    Hear(*event);
  }
}

void JobRunner::Hear(const worker::v1::Event& event) {
  if (event.has_progress()) pool_.feed_.Publish(job_, event.progress());
  if (event.has_improved_plan()) Failpoint("pool.before_improved_plan");
  if (event.has_improved_plan() &&
      pool_.store_.AddImprovedPlan(job_, fence_, event.improved_plan(), absl::Now()).ok())
    pool_.feed_.Notify(job_);
  if (event.has_resumed()) {
    const absl::Status status = FromProto(event.resumed());
    TellCheckpoint(status.ok() ? "resumed" : "ignored", status);
  }
  if (event.has_checkpoint()) {
    const absl::Status status = pool_.checkpoints_.Save(job_, event.checkpoint());
    advanced_ = advanced_ || status.ok();
    TellCheckpoint(status.ok() ? "written" : "failed", status);
  }
}

void JobRunner::TellCheckpoint(const char* outcome, const absl::Status& status) const {
  if (pool_.observer_.checkpoint)
    pool_.observer_.checkpoint(outcome, job_, std::string(status.message()));
}

// An empty event when there is nothing yet.
absl::StatusOr<worker::v1::Event> JobRunner::NextEvent(std::unique_ptr<WorkerProcess>& process,
                                                       absl::Time deadline) {
  const absl::Time now = SteadyNow();
  auto event = process->Receive(now + kPoll);
  if (event.ok()) {
    heard_ = now;
    return event;
  }
  if (event.status().code() != absl::StatusCode::kDeadlineExceeded)
    return Lost(process, "crashed", event.status().message());
  if (now - heard_ > pool_.options_.max_silence)
    return Lost(process, "silent", "the process does not answer");
  if (now < deadline) return worker::v1::Event();
  Lost(process, "overran", "").IgnoreError();
  return absl::DeadlineExceededError("run_timeout passed without a plan");
}

JobRunner::Stop JobRunner::Look() {
  if (pool_.draining_) return Stop::kDrained;
  const absl::Time now = SteadyNow();
  if (!pool_.TakeLook(job_) && now - renewed_ < kRenewal) return Stop::kNone;
  const auto job = pool_.store_.Renew(job_, fence_, pool_.options_.lease);
  if (job.ok()) {
    renewed_ = now;
    if (job->state() != v1::PlanJob::CANCELLING) return Stop::kNone;
    return job->keep_best_plan() ? Stop::kKeepsBest : Stop::kCancelled;
  }
  const bool is_ours = job.status().code() != absl::StatusCode::kFailedPrecondition &&
                       job.status().code() != absl::StatusCode::kNotFound;
  return is_ours && SteadyNow() - renewed_ < pool_.options_.lease * 2 / 3 ? Stop::kNone
                                                                          : Stop::kLost;
}

absl::Status JobRunner::Lost(std::unique_ptr<WorkerProcess>& process, const std::string& cause,
                             absl::string_view text) {
  std::string how(text);
  if (cause == "crashed") absl::StrAppend(&how, "; ", process->HowItEnded());
  process.reset();
  if (pool_.observer_.worker_died) pool_.observer_.worker_died(cause, job_, how);
  return absl::UnavailableError(absl::StrCat("WORKER_LOST: ", cause, ": ", how));
}

v1::PlanJob JobRunner::EndOf(v1::PlanJob job, const absl::StatusOr<Found>& found) const {
  const bool was_cancelled = job.state() == v1::PlanJob::CANCELLING;
  const bool drained = !was_cancelled && stop_ == Stop::kDrained && !found.ok();
  const bool retries = !was_cancelled && !drained &&
                       found.status().code() == absl::StatusCode::kUnavailable &&
                       (advanced_ || job.attempts() < pool_.options_.max_attempts);
  if (retries || drained) {
    job.set_state(v1::PlanJob::PENDING);
    if (drained || advanced_) job.set_attempts(job.attempts() - 1);
    return job;
  }
  *job.mutable_end_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
  *job.mutable_progress() = pool_.feed_.Latest(job.name()).second;
  const bool cut = stop_ == Stop::kKeepsBest;
  if (found.ok() && !cut) {
    job.set_state(v1::PlanJob::SUCCEEDED);
    job.set_from_cache(found->from_cache);
    return job;
  }
  job.set_state(was_cancelled ? v1::PlanJob::CANCELLED : v1::PlanJob::FAILED);
  *job.mutable_error() =
      ToProto(was_cancelled ? absl::CancelledError("cancelled by the caller") : found.status());
  return job;
}

// A store that cannot be written now is tried until it can: nobody else has the job.
void JobRunner::End(const absl::StatusOr<Found>& found) {
  while (stop_ != Stop::kLost) {
    const auto present = pool_.store_.Get(job_);
    absl::Status status = present.status();
    if (present.ok()) {
      JobUpdate update = {.job = EndOf(*present, found), .fence = fence_};
      update.job.clear_etag();
      if (found.ok() && IsEnded(update.job.state())) {
        update.final_plan = &found->plan;
        update.cache_plan = found->caches;
      }
      status = FailpointStatus("pool.before_end");
      const auto written = status.ok() ? pool_.store_.Update(update) : status;
      if (written.ok()) return Tell(*written, found);
      status = written.status();
    }
    if (status.code() == absl::StatusCode::kNotFound) return;
    if (status.code() == absl::StatusCode::kFailedPrecondition) {
      const auto job = pool_.store_.Renew(job_, fence_, pool_.options_.lease);
      if (job.status().code() == absl::StatusCode::kFailedPrecondition ||
          (job.ok() && IsEnded(job->state())))
        stop_ = Stop::kLost;
      continue;
    }
    if (pool_.draining_) return;
    pool_.Pause(kWriteRetry);
  }
  if (pool_.observer_.fenced) pool_.observer_.fenced();
}

void JobRunner::Tell(const v1::PlanJob& job, const absl::StatusOr<Found>& found) {
  if (IsEnded(job.state())) {
    if (found.ok() && !found->from_cache && pool_.observer_.plan_found)
      pool_.observer_.plan_found(found->plan);
    pool_.checkpoints_.Remove(job.name());
    pool_.observer_.job_ended({job, Between(job.create_time(), job.start_time()),
                               Between(job.start_time(), job.end_time())});
    pool_.feed_.Forget(job.name());
  }
  Failpoint("pool.before_telling_watchers");
  pool_.feed_.Notify(job.name());
}

}  // namespace automap
