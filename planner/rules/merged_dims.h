// Composite factors of a reshape: dims of one side that lie inside a dim of the other.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/graph/graph.h"

namespace automap {

// With the operand's dim seen as [operand_outer, rest] and the result's as [result_outer, rest],
// one of the outers 1, both rests begin at the same place in memory. A split of one in equal blocks
// is a split of the other; it must divide `size`.
//
// Example: [S, B, E] -> [S*B, E] has {operand_dim 1, result_dim 0, operand_outer 1, result_outer S,
// size B}.
struct MergedDims {
  int32_t operand_dim = 0, result_dim = 0;
  int32_t operand_outer = 1, result_outer = 1;
  int64_t size = 1;
  bool operator==(const MergedDims&) const = default;
};

// Those with exactly one outer above 1, by their place in memory; none for other opcodes than
// reshape. O(rank^2).
std::vector<MergedDims> MergedDimsOf(const Graph& graph, NodeId node);

}  // namespace automap
