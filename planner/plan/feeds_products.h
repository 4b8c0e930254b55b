// Which arrays products depend on.
#pragma once

#include <vector>

#include "planner/graph/graph.h"

namespace automap {

// By tensor: whether a matrix product, a convolution or an operation of unknown work (custom call,
// sort, decomposition) depends on it, around loops, too. Gradients and metrics feed none, so their
// sums need not be there before the step's end. Dead nodes do not count. O(slots) a pass, as many
// passes as loops are nested, and two.
std::vector<bool> FeedsProducts(const Graph& graph);

}  // namespace automap
