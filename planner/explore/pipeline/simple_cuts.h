// Cuts to begin a search with, told by their shape alone.
#pragma once

#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// Where more stages are asked for than help, good cuts have some large stages and, in one place,
// the rest with next to nothing. These are all such cuts that are legal: by the number of large
// stages, which share work and devices evenly, and by the place of the small ones, which have a
// layer and a device each; the shortest first. O(stages^3).
std::vector<PipelineCuts> SimpleCuts(const PipelineProblem& problem);

}  // namespace automap
