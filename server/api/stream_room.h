// How much all streams of events together may have in hand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "base/mutex.h"

namespace automap {

// A stream takes room for each event that it reads from the store, and gives it back when its
// client has taken the event. Thread-safe.
class StreamRoom {
 public:
  explicit StreamRoom(int64_t bytes) : bytes_(bytes) {}

  // Whether there is room; what is taken next may be more. If there is none, `when` runs as soon as
  // there may be some, before those who do not go first. It must not block.
  bool IsThere(std::function<void()> when, bool goes_first);
  void Take(int64_t bytes);
  void Return(int64_t bytes);
  // Whether somebody waits for room.
  bool is_short();

 private:
  const int64_t bytes_;
  Mutex mutex_;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap
