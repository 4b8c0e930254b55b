#include "server/api/event_stream.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "google/protobuf/util/time_util.h"
#include "server/api/resume_token.h"
#include "server/api/rpc_status.h"
#include "server/api/unary.h"
#include "server/jobs/job_state.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kProgressInterval = absl::Milliseconds(500);
constexpr int64_t kCopies = 2;  // of an event in hand: the message and its bytes
constexpr absl::Duration kShortWriteTime = absl::Seconds(1);  // while others wait for room

// A plan follows where the job has one.
bool EndsStream(const v1::PlanEvent& event) {
  return event.has_final_plan() || event.bookmark().reconnect_soon() ||
         (event.has_state_change() && IsEnded(event.state_change().state()) &&
          !event.state_change().has_plan());
}

}  // namespace

EventStream::EventStream(const Api& api, grpc::CallbackServerContext& context, const char* method,
                         std::string resume_token, v1::EventFilter filter)
    : api_(api),
      method_(method),
      resume_token_(std::move(resume_token)),
      filter_(std::move(filter)),
      begin_(SteadyNow()),
      context_(&context),
      written_(SteadyNow()) {}

EventStream* EventStream::Start(const Api& api, grpc::CallbackServerContext& context,
                                const char* method, FindJob find, std::string resume_token,
                                v1::EventFilter filter) {
  std::shared_ptr<EventStream> stream(
      new EventStream(api, context, method, std::move(resume_token), std::move(filter)));
  stream->self_ = stream;
  const absl::StatusOr<Caller> caller = api.access.Admit(context, method);
  absl::Status status = caller.status();
  if (status.ok() && !api.executor.TryRun([stream, find = std::move(find), caller = *caller] {
        stream->Open(find, caller);
      }))
    status = TooBusy();
  if (!status.ok()) {
    MutexLock lock(stream->mutex_);
    stream->End(status);
  }
  return stream.get();
}

void EventStream::Open(const FindJob& find, const Caller& caller) {
  if (!api_.jobs.OpenStream()) {
    MutexLock lock(mutex_);
    return End(
        WithReason(absl::ResourceExhaustedError("streams: too many are open"), "TOO_MANY_STREAMS"));
  }
  {
    MutexLock lock(mutex_);
    is_open_ = true;
    if (finished_) return;
  }
  const auto job = find(caller);
  {
    MutexLock lock(mutex_);
    if (finished_) return;
    const absl::Status status = job.ok() ? Begin(*job) : job.status();
    if (!status.ok()) return End(status);
  }
  Pump();
}

absl::Status EventStream::Begin(const v1::PlanJob& job) {
  job_ = job.name();
  if (!resume_token_.empty()) {
    ASSIGN_OR_RETURN(after_, ParseResumeToken(job_, resume_token_));
    if (after_ > 0) {
      // A token of events that this job never had is refused before anything is sent.
      RETURN_IF_ERROR(api_.jobs.store().EventsAfter(job_, after_, 1).status());
    }
  }
  job_ended_ = IsEnded(job.state());
  v1::PlanEvent snapshot;
  *snapshot.mutable_snapshot() = job;
  Mark(snapshot);
  queue_.push_back(std::make_shared<const v1::PlanEvent>(std::move(snapshot)));
  subscription_ = api_.jobs.feed().Subscribe(
      job_, [weak = weak_from_this(), &executor = api_.executor](FeedNews news) {
        if (auto stream = weak.lock()) executor.Run([stream, news] { stream->Wake(news); });
      });
  return absl::OkStatus();
}

void EventStream::Wake(FeedNews news) {
  bool is_stuck = false;
  {
    MutexLock lock(mutex_);
    if (news == FeedNews::kEvents) has_news_ = true;
    const absl::Duration limit = room_ > 0 && api_.room.is_short()
                                     ? std::min(kShortWriteTime, api_.limits.max_write_time)
                                     : api_.limits.max_write_time;
    is_stuck = writing_ && SteadyNow() - written_ > limit;
  }
  if (is_stuck) CutOff();
  Pump();
}

void EventStream::Pump() {
  MutexLock lock(mutex_);
  if (writing_ || finished_) return;
  if (last_) return End(absl::OkStatus());
  auto event = TakeNext();
  if (!event.ok()) return End(event.status());
  if (*event != nullptr) return Write(*std::move(event));
  if (job_ended_ && !has_news_) return End(absl::OkStatus());  // resumed after its last event
}

absl::StatusOr<SharedEvents::Event> EventStream::TakeNext() {
  if (queue_.empty() && has_news_) RETURN_IF_ERROR(FillQueue());
  if (queue_.empty()) {
    v1::PlanEvent event;
    if (!TakeProgress(event) && !TakeBookmark(event)) return SharedEvents::Event();
    return std::make_shared<const v1::PlanEvent>(std::move(event));
  }
  SharedEvents::Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

bool EventStream::HasRoom() {
  if (waits_for_room_) return false;
  const auto wake = [weak = weak_from_this(), &executor = api_.executor] {
    if (auto stream = weak.lock()) {
      executor.Run([stream] {
        {
          MutexLock lock(stream->mutex_);
          stream->waits_for_room_ = false;
        }
        stream->Pump();
      });
    }
  };
  waits_for_room_ = !api_.room.IsThere(wake, reads_);
  return !waits_for_room_;
}

void EventStream::ReturnRoom() {
  if (room_ > 0) api_.room.Return(std::exchange(room_, 0));
}

absl::Status EventStream::FillQueue() {
  while (queue_.empty() && HasRoom()) {
    has_news_ = false;
    ASSIGN_OR_RETURN(SharedEvents::Event event, api_.events.After(job_, after_));
    if (event == nullptr) break;
    has_news_ = true;
    after_ = event->sequence();
    if (event->has_improved_plan() && filter_.omit_improved_plans()) continue;
    const int64_t bytes = kCopies * static_cast<int64_t>(event->ByteSizeLong());
    api_.room.Take(bytes);
    room_ += bytes;
    queue_.push_back(std::move(event));
  }
  return absl::OkStatus();
}

bool EventStream::TakeProgress(v1::PlanEvent& event) {
  const absl::Time now = SteadyNow();
  const auto [number, progress] = api_.jobs.feed().Latest(job_);
  if (number == 0 || number == progress_number_ || now < next_progress_) return false;
  progress_number_ = number;
  const absl::Duration interval =
      filter_.has_min_progress_interval()
          ? absl::Nanoseconds(TimeUtil::DurationToNanoseconds(filter_.min_progress_interval()))
          : kProgressInterval;
  next_progress_ = now + interval;
  *event.mutable_progress() = progress;
  Mark(event);
  return true;
}

bool EventStream::TakeBookmark(v1::PlanEvent& event) {
  const bool drains = api_.jobs.is_draining();
  if (!drains && SteadyNow() - written_ < api_.limits.bookmark_interval) return false;
  event.mutable_bookmark()->set_reconnect_soon(drains);
  Mark(event);
  return true;
}

// What is no durable event repeats the number of the last one.
void EventStream::Mark(v1::PlanEvent& event) {
  event.set_sequence(after_);
  event.set_resume_token(ResumeToken(job_, after_));
  *event.mutable_event_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
}

void EventStream::Write(SharedEvents::Event event) {
  current_ = std::move(event);
  last_ = EndsStream(*current_);
  writing_ = true;
  written_ = SteadyNow();
  StartWrite(current_.get());
}

void EventStream::End(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  api_.Answered(method_, status, SteadyNow() - begin_);
  Finish(ToGrpc(status));
}

void EventStream::CutOff() {
  MutexLock lock(context_mutex_);
  if (context_ == nullptr) return;
  context_->TryCancel();
  api_.metrics.WatcherCutOff();
}

void EventStream::OnWriteDone(bool ok) {
  api_.executor.Run([stream = shared_from_this(), ok] {
    {
      MutexLock lock(stream->mutex_);
      stream->writing_ = false;
      stream->reads_ = stream->reads_ || (ok && stream->room_ > 0);
      stream->current_.reset();
      if (stream->queue_.empty()) stream->ReturnRoom();
      if (!ok) stream->End(absl::CancelledError("the client is gone"));
    }
    stream->Pump();
  });
}

void EventStream::OnCancel() {
  api_.executor.Run([stream = shared_from_this()] {
    MutexLock lock(stream->mutex_);
    if (!stream->writing_) stream->End(absl::CancelledError("the client is gone"));
  });
}

void EventStream::OnDone() {
  {
    MutexLock lock(context_mutex_);
    context_ = nullptr;
  }
  api_.executor.Run([stream = std::move(self_)] {
    MutexLock lock(stream->mutex_);
    if (stream->subscription_ != 0)
      stream->api_.jobs.feed().Unsubscribe(stream->job_, stream->subscription_);
    if (stream->is_open_) stream->api_.jobs.CloseStream();
    stream->ReturnRoom();
    stream->is_open_ = false;
  });
}

}  // namespace automap
