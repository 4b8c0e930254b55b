// What the efficiency of a kernel depends on, read from its operation.
#pragma once

#include "absl/types/span.h"
#include "planner/graph/graph.h"
#include "simulator/program.h"

namespace automap {

// Of a dot or a convolution whose operands' dims are cut into `cuts` parts, operand by operand as
// in Wiring::operand_factors (empty: nothing is cut); zeros for any other operation.
//
// A dot has the free dims of its left operand as rows, those of the right one as columns.
// Winograd's algorithm serves convolutions of 3 x 3 places with stride 1, and their gradients: one
// of window and result has 3 places along every spatial dim, the other is covered with tiles of 4.
// A convolution's rows are images x places of the result, its columns the output channels; of the
// gradient of filters, input channels x places of the filter, and output channels.
KernelShape KernelShapeOf(const Graph& graph, NodeId node, absl::Span<const double> cuts);

}  // namespace automap
