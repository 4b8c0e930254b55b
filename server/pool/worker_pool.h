// Runs pending jobs on worker processes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "base/mutex.h"
#include "server/blobs/checkpoint_store.h"
#include "server/jobs/job_store.h"
#include "server/pool/job_feed.h"
#include "server/pool/run_slots.h"
#include "server/process/worker_process.h"

namespace automap {

class JobRunner;

struct PoolOptions {
  std::string worker_program;
  int workers = 2;
  // How many jobs more may be started and pause (run_slots.h). Each keeps its processes.
  int paused = 2;
  WorkerLimits limits;
  absl::Duration max_run_timeout = absl::Hours(1);
  // How long past its time limit a worker may take to stop by itself before it is killed.
  absl::Duration overrun_grace = absl::Seconds(20);
  // A worker that says nothing for so long, not even that it is there, is killed.
  absl::Duration max_silence = absl::Seconds(30);
  // How long a job is ours without a word to the store. Renewed every second, given up after two
  // thirds.
  absl::Duration lease = absl::Seconds(30);
  // Of runs that got no further than the one before; a run that left a newer checkpoint is none.
  int max_attempts = 3;
  // How much of a search may be lost when its process dies. Zero: all of it.
  absl::Duration checkpoint_interval = absl::Seconds(5);
};

// What ended, for metrics and the one log line per job.
struct JobEnd {
  v1::PlanJob job;
  absl::Duration waited, ran;
};

// Hears what an operator wants to know. Each may be called from any of the pool's threads.
struct PoolObserver {
  std::function<void(const JobEnd&)> job_ended;
  // "crashed", "silent" or "overran", with which job, and more for people.
  std::function<void(const std::string& cause, const std::string& job, const std::string& text)>
      worker_died;
  // The store refused a write of ours because another runner has the job.
  std::function<void()> fenced;
  // What became of a checkpoint: "written", "failed" (to be written), "resumed" or "ignored"; with
  // which job, and why for people.
  std::function<void(const char* outcome, const std::string& job, const std::string& text)>
      checkpoint;
  // A plan was found: how it was searched for.
  std::function<void(const v1::Plan&)> plan_found;
};

// Each thread keeps one warm process that searches and one that verifies; they share nothing. There
// are more threads than `workers`, but no more jobs compute at once (run_slots.h). A process serves
// one task at a time and is replaced when it dies, overruns, falls silent or is cancelled. A plan
// leaves only after the second process found it right. A worker that dies costs the job one
// attempt, unless it left a newer checkpoint than it began from; the next run goes on from there.
class WorkerPool {
 public:
  // Where the bytes of a job's module come from.
  using ModuleReader = std::function<absl::StatusOr<std::string>(const v1::PlanSpec&)>;

  WorkerPool(PoolOptions options, JobStore& store, JobFeed& feed, CheckpointStore& checkpoints,
             ModuleReader read_module, PoolObserver observer);
  ~WorkerPool();

  void Start();
  // A job was created or its turn came: somebody look.
  void Wake();
  // The job's state was changed by others: its runner looks at once instead of within a second.
  void Look(const std::string& job);
  // Stops claiming; what runs goes back to PENDING and is continued by the next server. Blocks
  // until all threads ended.
  void Drain();

  int busy() const { return slots_.computing(); }
  int paused() const { return slots_.paused(); }
  const PoolOptions& options() const { return options_; }

 private:
  friend class JobRunner;
  void RunThread();
  // Claims what there is leave for and runs it; false when there was nothing.
  bool RunNext(JobRunner& runner, const RunSlots::Leave& leave);
  bool TakeLook(const std::string& job);
  // Waits, but not past the beginning of a drain.
  void Pause(absl::Duration time);

  const PoolOptions options_;
  JobStore& store_;
  JobFeed& feed_;
  CheckpointStore& checkpoints_;
  const ModuleReader read_module_;
  const PoolObserver observer_;
  std::vector<std::thread> threads_;
  std::atomic<bool> draining_ = false;
  RunSlots slots_;
  Mutex mutex_;
  ConditionVariable wake_;
  int64_t wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> looks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap
