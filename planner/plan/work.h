// How much arithmetic an operation is.
#pragma once

#include "base/units.h"
#include "planner/graph/graph.h"

namespace automap {

// FLOPs of one execution of a node as a whole:
//   dot          2 x result elements x contracted sizes
//   convolution  2 x result elements x kernel elements per output feature / base dilation (zeros in
//   between are
//                not multiplied)
//   reduce       input elements; reduce-window, select-and-scatter: result elements x window
//   elements otherwise    one per result element
Flops FlopsOf(const Graph& graph, NodeId node);

// Whether an operation only maps values to places: it can be part of its reader's kernel.
bool IsCheapMap(Opcode opcode);

// Whether an operation makes its result from nothing or from few values: cheaper to repeat than to
// store.
bool IsGenerator(Opcode opcode);

}  // namespace automap
