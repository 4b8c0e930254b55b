// The batch of a training step: which dims of which inputs, and what follows from cutting it.
#pragma once

#include <memory>
#include <vector>

#include "planner/plan/prepared_module.h"
#include "planner/propagation/linkage_groups.h"

namespace automap {

struct Batch {
  std::vector<ParameterDim> inputs;
  int64_t size = 1;  // the smallest of these dims
  // The state of the graph when the batch is cut into parts; null: the module has no batch.
  std::unique_ptr<Propagation> propagation;
};

// Cuts as many inputs as go together into `parts` >= 2, those first that cut the most arithmetic.
Batch FindBatch(const PreparedModule& module, int64_t parts);

}  // namespace automap
