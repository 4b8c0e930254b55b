// Which operands must be gathered so that a split becomes possible.
#pragma once

#include "planner/propagation/cuts.h"
#include "planner/propagation/propagation.h"

namespace automap {

inline constexpr int kMaxCuts = 16;

// Splits `decision`; at each conflict cuts what stands in its way and tries again, at most kMaxCuts
// times. Where either of two operands can be cut, the one whose array is cheaper to move: an
// all-gather moves all of it, an all-to-all a share of 1/axis size. `propagation` must have `cuts`
// set and no split; `cuts` must be empty. True: propagation holds what follows from the decision
// and `cuts` those that matter. False: both are as before. O(cuts x consequences).
bool FindCuts(TensorDim decision, Propagation& propagation, Cuts& cuts);

}  // namespace automap
