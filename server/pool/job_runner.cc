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
constexpr absl::Duration kUrge = absl::Milliseconds(20);   // and urges a process that shall end
constexpr absl::Duration kRenewal = absl::Seconds(1);
constexpr absl::Duration kVerifyTimeout = absl::Minutes(10);
constexpr absl::Duration kKeepTimeout = absl::Seconds(5);  // to hand over the best plan so far
// While the server drains: for one more checkpoint, and for a plan that is being verified.
constexpr absl::Duration kDrainTimeout = absl::Seconds(2);
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

void JobRunner::Run(const Claim& claim, int64_t slot) {
  job_ = claim.job.name();
  slot_ = slot;
  fence_ = claim.fence;
  stop_ = Stop::kNone;
  advanced_ = false;
  renewed_ = SteadyNow();
  Failpoint("pool.after_claim");
  pool_.feed_.Notify(job_);
  End(FindPlan(claim));
}

void JobRunner::WarmUp() {
  for (auto* process : {&searcher_, &verifier_}) {
    auto started = WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits);
    if (started.ok()) *process = *std::move(started);
  }
}

absl::StatusOr<JobRunner::Found> JobRunner::FindPlan(const Claim& claim) {
  const v1::PlanJob& job = claim.job;
  if (job.options().cache_policy() == v1::CACHE_POLICY_UNSPECIFIED && !job.plan_key().empty()) {
    auto known = pool_.store_.FindPlan(job.plan_key());
    if (known.ok() && known->has_value())
      return Found{.plan = **std::move(known), .from_cache = true};
  }
  ASSIGN_OR_RETURN(const std::string module, pool_.read_module_(job.spec()));
  const worker::v1::Task search = SearchTask(job);
  RETURN_IF_ERROR(FailpointStatus("pool.before_search"));
  ASSIGN_OR_RETURN(worker::v1::Done found, RunTask(searcher_, search, module, LimitOf(job)));
  RETURN_IF_ERROR(FromProto(found.status()));
  RETURN_IF_ERROR(FailpointStatus("pool.before_verification"));
  v1::Progress verifying;
  verifying.set_phase(v1::Progress::VERIFYING);
  verifying.set_best_cost_s(found.plan().cost().step_time_s());
  Publish(verifying);
  worker::v1::Task check;
  *check.mutable_verify()->mutable_cluster() = job.spec().inline_cluster();
  *check.mutable_verify()->mutable_plan() = found.plan();
  ASSIGN_OR_RETURN(const worker::v1::Done verdict,
                   RunTask(verifier_, check, module, {kVerifyTimeout}));
  const absl::Status status = FromProto(verdict.status());
  if (!status.ok()) return absl::InternalError(absl::StrCat("PLAN_REJECTED: ", status.message()));
  const bool keeps = job.options().cache_policy() != v1::CACHE_POLICY_NO_STORE;
  return Found{.plan = std::move(*found.mutable_plan()),
               .caches = keeps && !found.cut_short() && !job.plan_key().empty()};
}

worker::v1::Task JobRunner::SearchTask(const v1::PlanJob& job) const {
  worker::v1::Task search;
  worker::v1::PlanTask& task = *search.mutable_plan();
  *task.mutable_cluster() = job.spec().inline_cluster();
  *task.mutable_options() = job.spec().options();
  task.set_job(job.name());
  task.set_traceparent(job.traceparent());
  task.set_checkpoint_interval_s(absl::ToDoubleSeconds(pool_.options_.checkpoint_interval));
  if (task.checkpoint_interval_s() > 0) task.set_resume_from(pool_.checkpoints_.Load(job.name()));
  return search;
}

// With complete_by a tenth is left for verification.
JobRunner::TimeLimit JobRunner::LimitOf(const v1::PlanJob& job) const {
  TimeLimit limit = {pool_.options_.max_run_timeout};
  if (job.options().has_run_timeout()) {
    limit.computing =
        std::min(limit.computing,
                 absl::Nanoseconds(TimeUtil::DurationToNanoseconds(job.options().run_timeout())));
  }
  if (job.options().has_complete_by()) {
    const absl::Duration left = ToTime(job.options().complete_by()) - absl::Now();
    limit.until = SteadyNow() + left - std::min(left / 10, absl::Seconds(5));
  }
  return limit;
}

// UNAVAILABLE: the process died. CANCELLED: the run stopped, `stop_` says why; the process is gone.
absl::StatusOr<worker::v1::Done> JobRunner::RunTask(std::unique_ptr<WorkerProcess>& process,
                                                    const worker::v1::Task& task,
                                                    absl::string_view module,
                                                    const TimeLimit& limit) {
  // One that died while it had nothing to do costs the job nothing.
  if (process == nullptr || !process->IsAlive()) {
    ASSIGN_OR_RETURN(process,
                     WorkerProcess::Start(pool_.options_.worker_program, pool_.options_.limits));
  }
  auto done = Converse(*process, task, module, limit);
  if (done.ok()) {
    RETURN_IF_ERROR(FailpointStatus("pool.after_task"));
    return done;
  }
  if (cause_.empty()) {
    process.reset();
    return done;
  }
  const absl::Status lost = Lost(process, done.status().message());
  return cause_ == "overran" ? done.status() : lost;
}

absl::StatusOr<worker::v1::Done> JobRunner::Converse(WorkerProcess& process,
                                                     const worker::v1::Task& task,
                                                     absl::string_view module,
                                                     const TimeLimit& limit) {
  const RunSlots::Attached attached(pool_.slots_, slot_, process);
  const absl::Time begin = heard_ = SteadyNow();
  const absl::Duration paused = pool_.slots_.PausedTime(slot_, begin);
  cause_ = "";
  if (stop_ == Stop::kNone) stop_ = Look();
  if (task.has_plan() && stop_ != Stop::kNone && stop_ != Stop::kKeepsBest)
    return absl::CancelledError("stopped");
  cause_ = "crashed";
  RETURN_IF_ERROR(
      process.Send(task, module, begin + limit.computing + pool_.options_.overrun_grace));
  cause_ = "";
  RETURN_IF_ERROR(FailpointStatus("pool.after_task_sent"));
  absl::Time killed = absl::InfiniteFuture();
  while (true) {
    const absl::Time now = SteadyNow();
    pool_.slots_.Turn(now);
    if (stop_ == Stop::kNone) stop_ = Look();
    const absl::Time late = std::min(
        limit.until, begin + limit.computing + pool_.slots_.PausedTime(slot_, now) - paused);
    const std::optional<absl::Duration> left = TimeToEnd(task, now >= late);
    if (left.has_value()) {
      killed = std::min(killed, now + *left);
      const bool overran = stop_ == Stop::kNone || stop_ == Stop::kKeepsBest;
      if (now >= killed && overran) {
        cause_ = "overran";
        return absl::DeadlineExceededError("run_timeout passed without a plan");
      }
      if (now >= killed) return absl::CancelledError("stopped");
      pool_.slots_.Insist(slot_, now);
      // Again and again: it may not have begun when it heard it first.
      stop_ == Stop::kDrained ? process.AskForCheckpoint() : process.Terminate();
    }
    ASSIGN_OR_RETURN(
        worker::v1::Event event,
        NextEvent(process, left ? now + kUrge : std::min(now + kPoll, std::max(late, now))));
    if (event.has_done()) return std::move(*event.mutable_done());
    Hear(event);
    if (stop_ == Stop::kDrained && event.has_checkpoint()) return absl::CancelledError("stopped");
  }
}

// How long the process may still take, if it shall end.
std::optional<absl::Duration> JobRunner::TimeToEnd(const worker::v1::Task& task,
                                                   bool is_late) const {
  const bool keeps_checkpoints = task.plan().checkpoint_interval_s() > 0;
  switch (stop_) {
    case Stop::kCancelled:
    case Stop::kLost:
      return absl::ZeroDuration();
    case Stop::kDrained:
      return task.has_verify() || keeps_checkpoints ? kDrainTimeout : absl::ZeroDuration();
    case Stop::kKeepsBest:
      if (task.has_plan()) return kKeepTimeout;
      [[fallthrough]];
    case Stop::kNone:
      break;
  }
  if (is_late) return pool_.options_.overrun_grace;
  return std::nullopt;
}

void JobRunner::Hear(const worker::v1::Event& event) {
  if (event.has_progress()) Publish(event.progress());
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

void JobRunner::Publish(const v1::Progress& progress) {
  pool_.feed_.Publish(job_, progress);
  pool_.store_.TellProgress(job_, progress);
}

void JobRunner::TellCheckpoint(const char* outcome, const absl::Status& status) const {
  if (pool_.observer_.checkpoint)
    pool_.observer_.checkpoint(outcome, job_, std::string(status.message()));
}

// An empty event when there is nothing yet.
absl::StatusOr<worker::v1::Event> JobRunner::NextEvent(WorkerProcess& process,
                                                       absl::Time deadline) {
  auto event = process.Receive(deadline);
  const absl::Time now = SteadyNow();
  if (event.ok() || pool_.slots_.IsPaused(slot_)) heard_ = now;
  if (event.ok()) return event;
  if (event.status().code() != absl::StatusCode::kDeadlineExceeded) {
    cause_ = "crashed";
    return event;
  }
  if (now - heard_ <= pool_.options_.max_silence) return worker::v1::Event();
  cause_ = "silent";
  return absl::UnavailableError("the process does not answer");
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

absl::Status JobRunner::Lost(std::unique_ptr<WorkerProcess>& process, absl::string_view text) {
  std::string how(text);
  if (cause_ == "crashed") absl::StrAppend(&how, "; ", process->HowItEnded());
  process.reset();
  if (pool_.observer_.worker_died) pool_.observer_.worker_died(cause_, job_, how);
  return absl::UnavailableError(absl::StrCat("WORKER_LOST: ", cause_, ": ", how));
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
  pool_.feed_.Forget(job_);
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
