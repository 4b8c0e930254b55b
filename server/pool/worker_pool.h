// Runs pending jobs on worker processes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "automap/v1/job.pb.h"
#include "base/mutex.h"
#include "server/jobs/job_store.h"
#include "server/pool/job_feed.h"
#include "server/process/worker_process.h"

namespace automap {

struct PoolOptions {
  std::string worker_program;
  int workers = 2;
  WorkerLimits limits;
  absl::Duration max_run_timeout = absl::Hours(1);
  // How long past its time limit a worker may take to stop by itself before it is killed.
  absl::Duration overrun_grace = absl::Seconds(20);
  int max_attempts = 3;
};

// What ended, for metrics and the one log line per job.
struct JobEnd {
  v1::PlanJob job;
  absl::Duration waited, ran;
};

// Each of `workers` threads keeps one warm process that searches and, once there is a plan, one
// that verifies; they share nothing. A process serves one task at a time and is replaced when it
// dies, overruns or is cancelled. A plan leaves only after the second process found it right. A
// worker that dies costs the job one attempt.
class WorkerPool {
 public:
  // Where the bytes of a job's module come from.
  using ModuleReader = std::function<absl::StatusOr<std::string>(const v1::PlanSpec&)>;

  WorkerPool(PoolOptions options, JobStore& store, JobFeed& feed, ModuleReader read_module,
             std::function<void(const JobEnd&)> on_end);
  ~WorkerPool();

  void Start();
  // A job was created: somebody look.
  void Wake();
  // Ends the run of a job that is CANCELLING.
  void Cancel(const std::string& job);
  // Stops claiming; what runs goes back to PENDING and is continued by the next server. Blocks
  // until all threads ended.
  void Drain();

  int busy() const { return busy_; }
  int64_t worker_deaths() const { return worker_deaths_; }
  const PoolOptions& options() const { return options_; }

 private:
  class Runner;
  void RunThread();
  bool IsCancelled(const std::string& job);

  const PoolOptions options_;
  JobStore& store_;
  JobFeed& feed_;
  const ModuleReader read_module_;
  const std::function<void(const JobEnd&)> on_end_;
  std::vector<std::thread> threads_;
  std::atomic<bool> draining_ = false;
  std::atomic<int> busy_ = 0;
  std::atomic<int64_t> worker_deaths_ = 0;
  Mutex mutex_;
  ConditionVariable wake_;
  int64_t wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> cancelled_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap
