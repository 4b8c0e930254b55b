// Which operations of a step run once for all micro-batches.
#pragma once

#include <vector>

#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/phases.h"

namespace automap {

// By node: operations after the forward pass on what is summed over the batch, or on optimizer and
// other state, and in no loop that also works on the batch: what that does with a layer's gradient,
// such as storing it among the others', it does in every micro-batch. O(graph x depth of calls).
std::vector<bool> FindUpdates(const PreparedModule& module, const StepPhases& phases,
                              const Batch& batch);

}  // namespace automap
