// Which operations a step's results need.
#pragma once

#include <vector>

#include "planner/graph/graph.h"

namespace automap {

// By node: whether a result of the step, one of `controls` (what loops and branches test) or an
// operation with an effect of its own depends on it. XLA removes the others before it partitions.
// Linear.
std::vector<bool> LiveNodes(const Graph& graph, const std::vector<TensorId>& controls);

}  // namespace automap
