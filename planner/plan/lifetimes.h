// How long arrays are needed.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "planner/graph/graph.h"

namespace automap {

// What a graph's tensors share memory with and which of them are stored at all (lowering.h).
struct Storage {
  std::vector<TensorId> of;           // the tensor whose memory a tensor is a name of
  std::vector<bool> is_materialized;  // by tensor whose memory it is
};

// By tensor whose memory it is, the place in `order` (of all nodes; the nodes of a loop follow one
// another) after which nothing needs it, -1 where nothing does:
//
//   - itself or through arrays that are not stored, whose readers read it in their place;
//   - one that a loop's body or condition reads and that was there before the loop: until the loop
//     ends, since the next round reads it again;
//   - a result of the step: until the end.
//
// O(slots x depth of loops).
std::vector<int32_t> LastUses(const Graph& graph, const Storage& storage,
                              absl::Span<const NodeId> order);

}  // namespace automap
