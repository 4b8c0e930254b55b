// Tells repeated layers apart from different ones by what they are made of, never by names.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/propagation/wiring.h"

namespace automap {

// Not thread-safe. O(graph) memory.
class StructureHasher {
 public:
  explicit StructureHasher(const Wiring& wiring);

  // A hash of a piece of the graph: the operations of the selected factors with their shapes, and
  // how they are wired to each other through the split tensors (three rounds of neighbourhood
  // refinement). Equal for isomorphic pieces. O(piece).
  uint64_t Fingerprint(const std::vector<FactorId>& factors, const std::vector<TensorDim>& tensors);

 private:
  uint64_t ShapeHash(TensorId tensor);
  uint64_t NodeHash(FactorId factor);
  void Refine(const std::vector<FactorId>& factors, const std::vector<TensorDim>& tensors);

  const Wiring& wiring_;
  std::vector<uint64_t> shape_;  // by tensor; 0: not known yet
  // Of the piece at hand, 0 outside of it: by tensor and by node, and what is added in this round.
  std::vector<uint64_t> tensor_, node_, more_tensor_, more_node_;
};

}  // namespace automap
