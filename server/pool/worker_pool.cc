#include "server/pool/worker_pool.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/steady_clock.h"
#include "server/pool/job_runner.h"

namespace automap {
namespace {

constexpr absl::Duration kIdlePoll = absl::Seconds(2);  // behind the wake-ups

}  // namespace

WorkerPool::WorkerPool(PoolOptions options, JobStore& store, JobFeed& feed,
                       CheckpointStore& checkpoints, ModuleReader read_module,
                       PoolObserver observer)
    : options_(std::move(options)),
      store_(store),
      feed_(feed),
      checkpoints_(checkpoints),
      read_module_(std::move(read_module)),
      observer_(std::move(observer)),
      slots_(options_.workers, options_.paused) {}

WorkerPool::~WorkerPool() { Drain(); }

void WorkerPool::Start() {
  const int threads = options_.workers > 0 ? options_.workers + options_.paused : 0;
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { RunThread(); });
}

void WorkerPool::RunThread() {
  JobRunner runner(*this);
  runner.WarmUp();
  while (!draining_) {
    int64_t seen = 0;
    {
      MutexLock lock(mutex_);
      seen = wakes_;
    }
    const absl::Time now = SteadyNow();
    const RunSlots::Leave leave = slots_.Ask(now);
    if (leave.is_given && RunNext(runner, leave)) continue;
    const absl::Duration idle =
        leave.is_given ? kIdlePoll
                       : std::clamp(leave.again - now, absl::Milliseconds(1), kIdlePoll);
    std::unique_lock<Mutex> lock(mutex_);
    wake_.wait_for(lock, absl::ToChronoMilliseconds(idle),
                   [&] { return wakes_ != seen || draining_; });
  }
}

bool WorkerPool::RunNext(JobRunner& runner, const RunSlots::Leave& leave) {
  const auto claim = store_.ClaimNext(absl::Now(), options_.lease, leave.filter);
  if (!claim.ok() || !claim->has_value()) {
    slots_.Decline(leave);
    return false;
  }
  const int64_t slot = slots_.Start(leave, (*claim)->job, SteadyNow());
  // Now that the slots are taken, a caller without one may be let in.
  Wake();
  runner.Run(**claim, slot);
  slots_.End(slot, SteadyNow());
  TakeLook((*claim)->job.name());
  // Jobs that waited for this one's plan may go on.
  Wake();
  return true;
}

void WorkerPool::Wake() {
  {
    MutexLock lock(mutex_);
    ++wakes_;
  }
  wake_.notify_all();
}

void WorkerPool::Look(const std::string& job) {
  MutexLock lock(mutex_);
  looks_.insert(job);
}

bool WorkerPool::TakeLook(const std::string& job) {
  MutexLock lock(mutex_);
  return looks_.erase(job) > 0;
}

void WorkerPool::Pause(absl::Duration time) {
  std::unique_lock<Mutex> lock(mutex_);
  wake_.wait_for(lock, absl::ToChronoMilliseconds(time), [this] { return draining_.load(); });
}

void WorkerPool::Drain() {
  draining_ = true;
  Wake();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace automap
