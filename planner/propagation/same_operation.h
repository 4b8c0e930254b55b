// Whether two operations do the same.
#pragma once

#include "planner/graph/graph.h"

namespace automap {

// Same opcode, repeats, attributes and applied computations, and the same types and dims of what
// they read and make, place by place. Names, layouts and what they read it from do not count.
bool SameOperation(const Graph& graph, NodeId a, NodeId b);

}  // namespace automap
