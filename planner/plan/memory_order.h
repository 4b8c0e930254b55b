// In which order the operations of a step run.
#pragma once

#include <vector>

#include "base/units.h"
#include "planner/plan/lifetimes.h"

namespace automap {

// What a step keeps in memory.
struct KeptArrays {
  Storage storage;
  std::vector<bool> is_new;       // by array: made in the step, with memory of its own
  absl::Span<const Bytes> sizes;  // by array
};

// An order of all nodes that keeps operands before readers, updates in place after what reads the
// old value, and the nodes of a loop or conditional together: that of the module, or one found by
// taking of all operations that could run the one that frees most (the smaller number among
// equals), whichever needs less memory. A compiler's scheduler does the like: the order in which a
// module lists its operations says little (a proto lists them as its first result needs them, so
// the gradients of the last layers' weights come last of all, and with them what they are made of).
// Constant arrays are made just before their first reader.
//
// O(slots x log nodes).
std::vector<NodeId> MemoryOrder(const Graph& graph, const KeptArrays& kept);

// The most bytes of new arrays that are kept at once in that order.
Bytes PeakOfNewArrays(const Graph& graph, const KeptArrays& kept, absl::Span<const NodeId> order);

}  // namespace automap
