// The best cuts near others, all ends moved at once.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// How far from where they are ends may go.
struct Corridor {
  std::vector<int32_t> layers, places;  // distances, both ways
};

// Hill climbing moves one end or two at a time; here every end goes to the best of some points
// about it, whatever the others do, by approximate dynamic programming (RestCuts tells the
// recurrence): one way is kept for each point, and the ways from the first stage's ends are
// compared by their lengths. `cuts` where nothing is shorter. O(stages x points^2).
PipelineCuts CorridorCuts(const PipelineProblem& problem, const PipelineCuts& cuts,
                          const Corridor& corridor);

}  // namespace automap
