#include "server/api/event_stream.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/api/rpc_status.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kProgressInterval = absl::Milliseconds(500);
constexpr int kEventsPerRead = 8;

bool EndsStream(const v1::PlanEvent& event) {
  const v1::PlanJob::State state = event.state_change().state();
  return event.has_final_plan() || (event.has_state_change() && (state == v1::PlanJob::FAILED ||
                                                                 state == v1::PlanJob::CANCELLED));
}

}  // namespace

EventStream::EventStream(JobService& service, Executor& executor, std::string resume_token,
                         v1::EventFilter filter)
    : service_(service),
      executor_(executor),
      resume_token_(std::move(resume_token)),
      filter_(std::move(filter)) {}

EventStream* EventStream::Start(JobService& service, Executor& executor, FindJob find,
                                std::string resume_token, v1::EventFilter filter) {
  std::shared_ptr<EventStream> stream(
      new EventStream(service, executor, std::move(resume_token), std::move(filter)));
  stream->self_ = stream;
  executor.Run([stream, find = std::move(find)] { stream->Open(find); });
  return stream.get();
}

void EventStream::Open(const FindJob& find) {
  const auto job = find();
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    if (!job.ok()) return End(job.status());
    job_ = job->name();
    if (!resume_token_.empty()) {
      if (!absl::SimpleAtoi(resume_token_, &after_) || after_ < 0)
        return End(absl::OutOfRangeError(
            "resume_token: not one of this job's; begin again with an empty one"));
    }
    v1::PlanEvent snapshot;
    *snapshot.mutable_snapshot() = *job;
    if (!job->spec().has_module_name()) snapshot.mutable_snapshot()->mutable_spec()->clear_module();
    snapshot.set_sequence(after_);
    snapshot.set_resume_token(absl::StrCat(after_));
    *snapshot.mutable_event_time() = TimeUtil::GetCurrentTime();
    queue_.push_back(std::move(snapshot));
    subscription_ =
        service_.feed().Subscribe(job_, [weak = weak_from_this(), &executor = executor_] {
          if (auto stream = weak.lock()) executor.Run([stream] { stream->Pump(); });
        });
  }
  Pump();
}

void EventStream::Pump() {
  MutexLock lock(mutex_);
  if (writing_ || finished_) return;
  if (last_) return End(absl::OkStatus());
  if (queue_.empty()) {
    if (const absl::Status status = FillQueue(); !status.ok()) return End(status);
  }
  if (!queue_.empty()) {
    v1::PlanEvent event = std::move(queue_.front());
    queue_.pop_front();
    return Write(std::move(event));
  }
  v1::PlanEvent progress;
  if (TakeProgress(progress)) Write(std::move(progress));
}

absl::Status EventStream::FillQueue() {
  ASSIGN_OR_RETURN(std::vector<v1::PlanEvent> events,
                   service_.store().EventsAfter(job_, after_, kEventsPerRead));
  for (v1::PlanEvent& event : events) {
    after_ = event.sequence();
    if (event.has_improved_plan() && filter_.omit_improved_plans()) continue;
    queue_.push_back(std::move(event));
  }
  return absl::OkStatus();
}

bool EventStream::TakeProgress(v1::PlanEvent& event) {
  const auto [number, progress] = service_.feed().Latest(job_);
  if (number == 0 || number == progress_number_ || absl::Now() < next_progress_) return false;
  progress_number_ = number;
  const absl::Duration interval =
      filter_.has_min_progress_interval()
          ? absl::Nanoseconds(TimeUtil::DurationToNanoseconds(filter_.min_progress_interval()))
          : kProgressInterval;
  next_progress_ = absl::Now() + interval;
  *event.mutable_progress() = progress;
  event.set_sequence(after_);
  event.set_resume_token(absl::StrCat(after_));
  *event.mutable_event_time() = TimeUtil::GetCurrentTime();
  return true;
}

void EventStream::Write(v1::PlanEvent event) {
  current_ = std::move(event);
  last_ = EndsStream(current_);
  writing_ = true;
  StartWrite(&current_);
}

void EventStream::End(const absl::Status& status) {
  finished_ = true;
  if (!status.ok()) service_.metrics().Rejected(ReasonOf(status));
  Finish(ToGrpc(status));
}

void EventStream::OnWriteDone(bool ok) {
  executor_.Run([stream = shared_from_this(), ok] {
    {
      MutexLock lock(stream->mutex_);
      stream->writing_ = false;
      if (!ok && !stream->finished_) return stream->End(absl::CancelledError("the client is gone"));
    }
    stream->Pump();
  });
}

void EventStream::OnCancel() {
  executor_.Run([stream = shared_from_this()] {
    MutexLock lock(stream->mutex_);
    if (!stream->finished_ && !stream->writing_)
      stream->End(absl::CancelledError("the client is gone"));
  });
}

void EventStream::OnDone() {
  executor_.Run([stream = std::move(self_)] {
    MutexLock lock(stream->mutex_);
    if (stream->subscription_ != 0)
      stream->service_.feed().Unsubscribe(stream->job_, stream->subscription_);
  });
}

}  // namespace automap
