// Tells repeated layers apart from different ones by what they are made of, never by names.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "planner/propagation/cuts.h"
#include "planner/propagation/wiring.h"

namespace automap {

// What one decision does to a graph: the factors that it selects, with the `outer` of their splits
// (empty: all 1), the arrays that it splits, and its cuts.
struct Piece {
  absl::Span<const FactorId> factors;
  absl::Span<const int32_t> outers;
  absl::Span<const TensorDim> tensors;
  absl::Span<const Cut> cuts;
};

// Not thread-safe. O(graph) memory.
class StructureHasher {
 public:
  explicit StructureHasher(const Wiring& wiring);

  // A hash of a piece of the graph: the operations of the selected factors with their shapes, and
  // how they are wired to each other through the split tensors (three rounds of neighbourhood
  // refinement). Equal for isomorphic pieces. O(piece).
  uint64_t Fingerprint(const Piece& piece);

 private:
  uint64_t NodeHash(FactorId factor);
  void Refine(const Piece& piece);

  const Wiring& wiring_;
  // Of the piece at hand, 0 outside of it: by tensor and by node, and what is added in this round.
  std::vector<uint64_t> tensor_, node_, more_tensor_, more_node_;
};

// A number for each piece, from 0 on in order of appearance: pieces share it when they are equally
// large, their fingerprints are equal and a mapping from one to the other was found
// (isomorphism.h). The fingerprint saves comparisons, it decides nothing; without one,
// StructureHasher's is taken.
std::vector<int32_t> NumberStructures(
    const Wiring& wiring, absl::Span<const Piece> pieces,
    const std::function<uint64_t(const Piece&)>& fingerprint = nullptr);

}  // namespace automap
