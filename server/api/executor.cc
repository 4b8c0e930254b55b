#include "server/api/executor.h"

namespace automap {

Executor::Executor(int threads, int64_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Executor::~Executor() {
  {
    MutexLock lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Executor::Run(std::function<void()> function) {
  {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(function));
  }
  wake_.notify_one();
}

bool Executor::TryRun(std::function<void()> function) {
  {
    MutexLock lock(mutex_);
    if (static_cast<int64_t>(queue_.size()) >= max_waiting_) return false;
    queue_.push_back(std::move(function));
  }
  wake_.notify_one();
  return true;
}

bool Executor::is_idle() {
  MutexLock lock(mutex_);
  return queue_.empty() && running_ == 0;
}

void Executor::Work() {
  while (true) {
    std::function<void()> function;
    {
      std::unique_lock<Mutex> lock(mutex_);
      wake_.wait(lock, [&] { return !queue_.empty() || ends_; });
      if (queue_.empty()) return;
      function = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
    }
    function();
    function = nullptr;
    MutexLock lock(mutex_);
    --running_;
  }
}

}  // namespace automap
