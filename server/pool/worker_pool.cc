#include "server/pool/worker_pool.h"

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
      observer_(std::move(observer)) {}

WorkerPool::~WorkerPool() { Drain(); }

void WorkerPool::Start() {
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { RunThread(); });
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
    const auto claim = store_.ClaimNext(absl::Now(), options_.lease);
    if (claim.ok() && claim->has_value()) {
      ++busy_;
      runner.Run(**claim);
      --busy_;
      TakeLook((*claim)->job.name());
      // Jobs that waited for this one's plan may go on.
      Wake();
      continue;
    }
    std::unique_lock<Mutex> lock(mutex_);
    wake_.wait_for(lock, absl::ToChronoMilliseconds(kIdlePoll),
                   [&] { return wakes_ != seen || draining_; });
  }
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
