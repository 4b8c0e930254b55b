// How short the simulated step of any cuts can be, and the shortest.
#pragma once

#include <functional>

#include "planner/explore/pipeline/pipeline_bound.h"

namespace automap {

// BoundOf, which goes by the closed form; `best`: from its best and from even cuts the better of
// the local optima by simulation. A simulation is never shorter than the closed form, so that
// nothing is shorter than `best` but what the closed form puts below it. Where that takes no more
// than some hundred thousand partial answers to list, all of it is simulated: then `best` is the
// shortest there is, and the bound is its time. Once `stop` says true there is no bound
// (kStoppedProof).
PipelineBound SimulatedBoundOf(const PipelineProblem& problem,
                               const std::function<bool()>& stop = nullptr,
                               const std::function<void(const PipelineCuts&)>& found = nullptr);

}  // namespace automap
