// Index arrays that count along a dimension, as vectorised lookups write them: x[arange(n),
// labels].
#pragma once

#include <cstdint>
#include <vector>

#include "planner/graph/graph.h"

namespace automap {

// For each component of the index vectors that `indices` holds along `vector_dim` (all one
// component if that is its rank): the dimension d of `indices` such that the component's value is
// the position along d, or -1. Looks through concatenations, broadcasts, reshapes, conversions and
// the wrap-around of negative indices. At most 64 producers deep.
std::vector<int64_t> IotaComponents(const Graph& graph, TensorId indices, int64_t vector_dim);

}  // namespace automap
