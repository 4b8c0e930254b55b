// Which operations of a step run once for all micro-batches.
#pragma once

#include <vector>

#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/phases.h"

namespace automap {

// By node: operations after the forward pass on what is summed over the batch, or on optimizer and
// other state. O(graph).
std::vector<bool> FindUpdates(const PreparedModule& module, const StepPhases& phases,
                              const Batch& batch);

}  // namespace automap
