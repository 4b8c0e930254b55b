// One client's stream of a job's events.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "automap/v1/planner.grpc.pb.h"
#include "base/mutex.h"
#include "server/api/api.h"

namespace automap {

// Snapshot first, then every durable event once and in order, progress in between (newest wins, so
// a slow reader costs one message), a bookmark after silence; ends OK after the final plan, a final
// state, or a bookmark that says the server drains. A client that takes nothing for
// Limits::max_write_time, or a second while others wait for room (stream_room.h), is cut off.
// gRPC's reactions only hand work to the executor; all state is touched there, under the mutex.
// Owns itself until gRPC is done with it.
class EventStream final : public grpc::ServerWriteReactor<v1::PlanEvent>,
                          public std::enable_shared_from_this<EventStream> {
 public:
  // Where the stream's job comes from; runs on the executor.
  using FindJob = std::function<absl::StatusOr<v1::PlanJob>(const Caller&)>;

  static EventStream* Start(const Api& api, grpc::CallbackServerContext& context,
                            const char* method, FindJob find, std::string resume_token,
                            v1::EventFilter filter);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  EventStream(const Api& api, grpc::CallbackServerContext& context, const char* method,
              std::string resume_token, v1::EventFilter filter);
  void Open(const FindJob& find, const Caller& caller);
  absl::Status Begin(const v1::PlanJob& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake(FeedNews news);
  void Pump();
  // The next thing to send, null when there is none.
  absl::StatusOr<SharedEvents::Event> TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FillQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeProgress(v1::PlanEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeBookmark(v1::PlanEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether there is room for another event; if not, the stream is woken when there is.
  bool HasRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReturnRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Mark(v1::PlanEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(SharedEvents::Event event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CutOff();

  const Api& api_;
  const char* const method_;
  const std::string resume_token_;
  const v1::EventFilter filter_;
  const absl::Time begin_;
  std::shared_ptr<EventStream> self_;
  // Held for moments only, so that gRPC's thread may take it.
  Mutex context_mutex_;
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(context_mutex_);
  Mutex mutex_;
  std::string job_ ABSL_GUARDED_BY(mutex_);
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t subscription_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t after_ ABSL_GUARDED_BY(mutex_) = 0;
  bool has_news_ ABSL_GUARDED_BY(mutex_) = true;  // the store may have more events
  bool job_ended_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t progress_number_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time next_progress_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time written_ ABSL_GUARDED_BY(mutex_);  // when the last write began
  std::deque<SharedEvents::Event> queue_ ABSL_GUARDED_BY(mutex_);
  SharedEvents::Event current_ ABSL_GUARDED_BY(mutex_);
  int64_t room_ ABSL_GUARDED_BY(mutex_) = 0;  // taken for what is read and not yet delivered
  bool waits_for_room_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_ ABSL_GUARDED_BY(mutex_) = false;  // its client has taken such an event
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace automap
