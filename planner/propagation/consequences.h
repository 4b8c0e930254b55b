// Everything that one decision splits, as lists.
#pragma once

#include <vector>

#include "planner/propagation/propagation.h"

namespace automap {

struct Consequences {
  std::vector<FactorId> factors;   // selected, one per node, in order of propagation
  std::vector<TensorDim> tensors;  // split, likewise
};

// One entry per decision that changed something, in order. O(what is split).
std::vector<Consequences> ConsequencesOf(const Propagation& propagation);

}  // namespace automap
