// Tells repeated layers apart from different ones by what they are made of, never by names.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/propagation/wiring.h"

namespace automap {

// A hash of a piece of the graph: the operations of the selected factors with their shapes, and how
// they are wired to each other through the split tensors (three rounds of neighbourhood
// refinement). Equal for isomorphic pieces.
uint64_t StructureFingerprint(const Wiring& wiring, const std::vector<FactorId>& factors,
                              const std::vector<TensorDim>& tensors);

}  // namespace automap
