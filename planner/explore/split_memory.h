// What a choice of splits needs in memory, kept up to date from one choice to the next.
#pragma once

#include <vector>

#include "planner/explore/split_problem.h"
#include "simulator/memory/changing_peak.h"

namespace automap {

// One for each search; `problem` must outlive it. Not thread-safe.
class SplitMemory {
 public:
  // `with_copies`: operands that are gathered count as well (SplitProblem::Cost); else
  // SplitProblem::LeastMemory.
  SplitMemory(const SplitProblem& problem, bool with_copies);

  // As the problem says, to a byte. O(buffers of the decisions that differ from the last call's).
  Bytes Peak(const std::vector<bool>& chosen);

 private:
  void Change(int32_t decision, bool is_split);

  const SplitProblem& problem_;
  const bool with_copies_;
  std::vector<bool> chosen_;
  std::vector<std::vector<double>> parts_;    // by buffer: of the chosen groups that split it
  std::vector<int32_t> first_copy_of_group_;  // buffer number of a group's first gathered operand
  ChangingPeak peak_;
};

}  // namespace automap
