// Arrays all of whose elements are one known number.
#pragma once

#include <optional>

#include "planner/graph/graph.h"

namespace automap {

// The value of a tensor made of a one-element constant by conversions, reshapes and broadcasts.
std::optional<double> ConstantValue(const Graph& graph, TensorId tensor);

}  // namespace automap
