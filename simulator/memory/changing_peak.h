// The peak of buffers whose sizes change a few at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "simulator/program.h"

namespace automap {

// Steps are grouped into blocks, and the blocks are the leaves of a tree whose nodes hold the sum
// of the changes of live memory in their part of the step, and the highest that it rises there. A
// resized buffer touches the two blocks where it comes and goes.
//
// Sizes are kept as whole numbers of 1/1024 byte, so that the peak does not depend on the order of
// the changes. Not thread-safe.
class ChangingPeak {
 public:
  // Buffers with `first_step` and `last_step` in [0, step_count). O(buffers + steps).
  ChangingPeak(absl::Span<const Buffer> buffers, int32_t step_count);

  // O(1).
  void Resize(int32_t buffer, Bytes bytes);

  // As PeakOf(buffers, step_count).bytes, to 1/1024 byte for each buffer. O(blocks touched since
  // the last call x log blocks).
  Bytes Peak();

 private:
  struct Part {
    int64_t sum = 0, highest = 0;
  };
  struct Life {
    int32_t first = 0, end = 0;
    int64_t size = 0;
  };
  void Touch(int32_t step, int64_t change);
  Part OfBlock(int32_t block) const;

  std::vector<Life> lives_;      // by buffer
  std::vector<int64_t> change_;  // by step, of live memory at its start
  std::vector<Part> tree_;       // node n has the children 2 n and 2 n + 1; leaves from leaves_ on
  int32_t leaves_ = 1;
  std::vector<int32_t> touched_;  // blocks
  std::vector<bool> is_touched_;
};

}  // namespace automap
