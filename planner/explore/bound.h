// How good a choice of splits can be at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "planner/explore/split_problem.h"

namespace automap {

struct SplitBound {
  Seconds lower_bound;     // no choice on this mesh that fits in memory is faster; 0: none known
  std::vector<bool> best;  // a choice that reaches it, when it was found
  bool is_reached = false;
  bool is_infeasible = false;  // proved: nothing fits
  Bytes least_memory;          // no choice needs less; of all decisions split, conflicts ignored
  std::string proof;           // in words
};

// Branch and bound over the conflict graph where gains add up; enumeration of at most 2^16 choices
// where they do not; otherwise no bound. Where the fastest choice does not fit, branch and bound
// with memory: a branch ends when its decisions and all that may still be split would not be faster
// than the best that fits (conflicts among the open ones ignored), or would not fit. After 6000
// nodes the bound without memory stays. Once `stop` says true, which is asked at every node, there
// is no bound (kStoppedProof), and `best` is the best choice so far, if any.
SplitBound BoundOf(const SplitProblem& problem, const std::function<bool()>& stop = nullptr);

}  // namespace automap
