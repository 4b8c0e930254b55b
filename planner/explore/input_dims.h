// Which dimensions of which inputs data parallelism splits, and why not the others.
#pragma once

#include "automap/v1/plan.pb.h"
#include "planner/explore/split_problem.h"

namespace automap {

// One entry for each dimension of each input, in order. `chosen` answers the problem, whose role is
// that of inputs.
void FillInputDims(const PreparedModule& module, const SplitProblem& problem,
                   const std::vector<bool>& chosen, v1::Plan& plan);

}  // namespace automap
