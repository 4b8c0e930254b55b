// One client's stream of a job's events.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "automap/v1/planner.grpc.pb.h"
#include "base/mutex.h"
#include "server/api/executor.h"
#include "server/api/job_service.h"

namespace automap {

// Snapshot first, then every durable event once and in order, progress in between (newest wins, so
// a slow reader costs one message); ends OK after the final plan or a final state. gRPC's reactions
// only hand work to the executor; all state is touched there, under the mutex. Owns itself until
// gRPC is done with it.
class EventStream final : public grpc::ServerWriteReactor<v1::PlanEvent>,
                          public std::enable_shared_from_this<EventStream> {
 public:
  // Where the stream's job comes from; runs on the executor.
  using FindJob = std::function<absl::StatusOr<v1::PlanJob>()>;

  static EventStream* Start(JobService& service, Executor& executor, FindJob find,
                            std::string resume_token, v1::EventFilter filter);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  EventStream(JobService& service, Executor& executor, std::string resume_token,
              v1::EventFilter filter);
  void Open(const FindJob& find);
  void Pump();
  absl::Status FillQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(v1::PlanEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeProgress(v1::PlanEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  JobService& service_;
  Executor& executor_;
  const std::string resume_token_;
  const v1::EventFilter filter_;
  std::shared_ptr<EventStream> self_;
  Mutex mutex_;
  std::string job_ ABSL_GUARDED_BY(mutex_);
  int64_t subscription_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t after_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t progress_number_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time next_progress_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::deque<v1::PlanEvent> queue_ ABSL_GUARDED_BY(mutex_);
  v1::PlanEvent current_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace automap
