#include "server/api/stream_room.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace automap {
namespace {

// More than one, as a stream that is woken may have ended.
constexpr size_t kWoken = 4;

}  // namespace

bool StreamRoom::IsThere(std::function<void()> when, bool goes_first) {
  MutexLock lock(mutex_);
  if (taken_ < bytes_) return true;
  goes_first ? waiting_.push_front(std::move(when)) : waiting_.push_back(std::move(when));
  return false;
}

void StreamRoom::Take(int64_t bytes) {
  MutexLock lock(mutex_);
  taken_ += bytes;
}

void StreamRoom::Return(int64_t bytes) {
  std::vector<std::function<void()>> woken;
  {
    MutexLock lock(mutex_);
    taken_ -= bytes;
    if (taken_ >= bytes_) return;
    const size_t count = std::min(kWoken, waiting_.size());
    std::move(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(count),
              std::back_inserter(woken));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(count));
  }
  for (const auto& when : woken) when();
}

bool StreamRoom::is_short() {
  MutexLock lock(mutex_);
  return !waiting_.empty();
}

}  // namespace automap
