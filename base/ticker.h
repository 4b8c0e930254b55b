// Something to do once a second.
#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace automap {

// Calls `work` every `interval` on a thread of its own until it is destroyed.
class Ticker {
 public:
  Ticker(absl::Duration interval, std::function<void()> work)
      : thread_([this, interval, work = std::move(work)] {
          std::unique_lock<Mutex> lock(mutex_);
          while (!wake_.wait_for(lock, absl::ToChronoMilliseconds(interval),
                                 [this] { return ends_; })) {
            lock.unlock();
            work();
            lock.lock();
          }
        }) {}
  ~Ticker() {
    {
      MutexLock lock(mutex_);
      ends_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  Mutex mutex_;
  ConditionVariable wake_;
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace automap
