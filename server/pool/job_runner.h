// The run of one job after the other on one thread's processes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/pool/worker_pool.h"

namespace automap {

// Used by one thread of the pool.
class JobRunner {
 public:
  explicit JobRunner(WorkerPool& pool) : pool_(pool) {}

  // Brings a claimed job to its end, or back to PENDING; gives up without a trace when another
  // runner has it. `slot`: the job's number in the pool's RunSlots.
  void Run(const Claim& claim, int64_t slot);
  // Starts the processes ahead of the first job.
  void WarmUp();

 private:
  // Why a run does not go on as it began.
  enum class Stop { kNone, kDrained, kCancelled, kKeepsBest, kLost };
  // How long a process may take, besides overrun_grace: time in which it computes, and a moment on
  // the steady clock.
  struct TimeLimit {
    absl::Duration computing;
    absl::Time until = absl::InfiniteFuture();
  };
  struct Found {
    v1::Plan plan;
    bool from_cache = false, caches = false;
  };

  absl::StatusOr<Found> FindPlan(const Claim& claim);
  worker::v1::Task SearchTask(const v1::PlanJob& job) const;
  void Hear(const worker::v1::Event& event);
  void Publish(const v1::Progress& progress);
  void TellCheckpoint(const char* outcome, const absl::Status& status) const;
  TimeLimit LimitOf(const v1::PlanJob& job) const;
  absl::StatusOr<worker::v1::Done> RunTask(std::unique_ptr<WorkerProcess>& process,
                                           const worker::v1::Task& task, absl::string_view module,
                                           const TimeLimit& limit);
  // An error says that the process is of no more use: dead for `cause_`, or not wanted when that is
  // empty.
  absl::StatusOr<worker::v1::Done> Converse(WorkerProcess& process, const worker::v1::Task& task,
                                            absl::string_view module, const TimeLimit& limit);
  std::optional<absl::Duration> TimeToEnd(const worker::v1::Task& task, bool is_late) const;
  absl::StatusOr<worker::v1::Event> NextEvent(WorkerProcess& process, absl::Time deadline);
  // Renews the claim when it is time and notices a cancellation.
  Stop Look();
  absl::Status Lost(std::unique_ptr<WorkerProcess>& process, absl::string_view text);
  void End(const absl::StatusOr<Found>& found);
  v1::PlanJob EndOf(v1::PlanJob job, const absl::StatusOr<Found>& found) const;
  void Tell(const v1::PlanJob& job, const absl::StatusOr<Found>& found);

  WorkerPool& pool_;
  std::unique_ptr<WorkerProcess> searcher_, verifier_;
  std::string job_;  // the one that runs
  int64_t slot_ = 0;
  std::string cause_;
  int64_t fence_ = 0;
  Stop stop_ = Stop::kNone;
  bool advanced_ = false;  // this run left a checkpoint
  absl::Time renewed_, heard_;
};

}  // namespace automap
