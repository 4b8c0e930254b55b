// Which arrays a compiler works out again where they are read, instead of keeping them.
#pragma once

#include <vector>

#include "base/units.h"
#include "planner/plan/lifetimes.h"

namespace automap {

struct Recomputed {
  Storage storage;  // without the arrays that are worked out again
  // By array: bytes that a reader reads where it works the array out again, over the array's own;
  // 1 for arrays that are kept.
  std::vector<float> reread;
};

// `storage` without these of its materialized arrays:
//
//   - a cheap map without transcendental functions that only cheap maps and reductions read, when
//     what it is made of, down to arrays that are kept, is at most twice as large as itself, and
//     what of that would not live as long anyway no larger (what a batch norm subtracts from and
//     scales, kept once as the convolution's result). The sources live longer instead;
//   - a transposed matrix that only matrix products read: they read it either way.
//
// Results of the step are kept. How long arrays live is taken from the order of listing. `sizes`
// tells the bytes of an array. O(slots).
Recomputed WithoutRecomputed(const Graph& graph, Storage storage, absl::Span<const Bytes> sizes);

}  // namespace automap
