// The run of one job after the other on one thread's processes.
#pragma once

#include <memory>
#include <string>

#include "server/pool/worker_pool.h"

namespace automap {

// Used by one thread of the pool.
class JobRunner {
 public:
  explicit JobRunner(WorkerPool& pool) : pool_(pool) {}

  // Brings a claimed job to its end, or back to PENDING; gives up without a trace when another
  // runner has it.
  void Run(const Claim& claim);
  // Starts the searching process ahead of the first job.
  void WarmUp();

 private:
  // Why a run does not go on as it began.
  enum class Stop { kNone, kDrained, kCancelled, kKeepsBest, kLost };
  struct Found {
    v1::Plan plan;
    bool from_cache = false, caches = false;
  };

  absl::StatusOr<Found> FindPlan(const Claim& claim);
  worker::v1::Task SearchTask(const v1::PlanJob& job, const std::string& module) const;
  void Hear(const worker::v1::Event& event);
  void TellCheckpoint(const char* outcome, const absl::Status& status) const;
  absl::Duration TimeLimit(const v1::PlanJob& job) const;
  absl::StatusOr<worker::v1::Done> RunTask(std::unique_ptr<WorkerProcess>& process,
                                           const worker::v1::Task& task, absl::Duration limit);
  absl::StatusOr<worker::v1::Event> NextEvent(std::unique_ptr<WorkerProcess>& process,
                                              absl::Time deadline);
  // Renews the claim when it is time and notices a cancellation.
  Stop Look();
  absl::Status Lost(std::unique_ptr<WorkerProcess>& process, const std::string& cause,
                    absl::string_view text);
  void End(const absl::StatusOr<Found>& found);
  v1::PlanJob EndOf(v1::PlanJob job, const absl::StatusOr<Found>& found) const;
  void Tell(const v1::PlanJob& job, const absl::StatusOr<Found>& found);

  WorkerPool& pool_;
  std::unique_ptr<WorkerProcess> searcher_, verifier_;
  std::string job_;  // the one that runs
  int64_t fence_ = 0;
  Stop stop_ = Stop::kNone;
  bool advanced_ = false;  // this run left a checkpoint
  absl::Time renewed_, heard_;
};

}  // namespace automap
