// How much memory a program needs at once.
#pragma once

#include <array>
#include <vector>

#include "absl/types/span.h"
#include "simulator/program.h"

namespace automap {

inline constexpr int kBufferRoles = 5;  // of BufferRole

struct MemoryPeak {
  Bytes bytes;
  int32_t step = 0;                         // the first step at which it is reached
  std::array<Bytes, kBufferRoles> by_role;  // then, by BufferRole
  std::vector<Buffer> largest;              // then, at most ten, largest first
};

// Sum of the live buffers, step by step. Buffers with `first_step` in [0, step_count). O(buffers +
// steps).
MemoryPeak PeakOf(absl::Span<const Buffer> buffers, int32_t step_count);

}  // namespace automap
