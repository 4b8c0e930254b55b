// A few threads for what must not block gRPC's own: SQL, files, digests.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace automap {

// Runs functions in the order in which they were given, several at a time. The destructor runs what
// is left.
class Executor {
 public:
  Executor(int threads, int64_t max_waiting);
  ~Executor();
  void Run(std::function<void()> function);
  // Refuses, without waiting, when max_waiting functions wait already.
  bool TryRun(std::function<void()> function);
  // Nothing waits and nothing runs.
  bool is_idle();

 private:
  void Work();
  const int64_t max_waiting_;
  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_;
};

}  // namespace automap
