// A clock for waiting and measuring that nobody sets.
#pragma once

#include <chrono>

#include "absl/time/time.h"

namespace automap {

// Only differences mean something, and only within one machine.
inline absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace automap
