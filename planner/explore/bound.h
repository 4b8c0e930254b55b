// How good a choice of splits can be at all.
#pragma once

#include <string>
#include <vector>

#include "planner/explore/split_problem.h"

namespace automap {

struct SplitBound {
  Seconds lower_bound;  // no choice on this mesh is faster, whatever memory allows; 0: none known
  std::vector<bool> best;  // a choice that reaches it, when it was found
  bool is_reached = false;
  std::string proof;  // in words
};

// Branch and bound over the conflict graph where gains add up; enumeration of at most 2^16 choices
// where they do not; otherwise no bound.
SplitBound BoundOf(const SplitProblem& problem);

}  // namespace automap
