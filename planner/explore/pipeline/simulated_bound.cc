#include "planner/explore/pipeline/simulated_bound.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/oracle/stopped.h"

namespace automap {
namespace {

constexpr int64_t kMostLabels = 1'000'000;  // two tenths of a second, a hundred megabytes

PipelineCuts SimulatedBest(const PipelineProblem& problem, const PipelineCuts& closed,
                           const std::function<bool()>& stop) {
  const PipelineCuts climbed = SimulatedLocalCuts(problem, closed, stop);
  const PipelineCuts even = SimulatedLocalCuts(problem, EvenCuts(problem), stop);
  return problem.IsLegal(even) && problem.IsSooner(even, climbed) ? even : climbed;
}

// The same with all cuts simulated that may be shorter than its best, where they can be listed.
PipelineBound Simulated(const PipelineProblem& problem, PipelineBound bound,
                        const std::function<bool()>& stop) {
  bound.best = SimulatedBest(problem, bound.best, stop);
  Seconds length = problem.SimulatedCost(bound.best).length;
  if (length <= bound.lower_bound * (1 + 1e-9)) return bound;
  const auto all = AllCutsWithin(problem, length, kMostLabels, stop);
  if (!all) return bound;
  for (const PipelineCuts& cuts : *all) {
    const Seconds simulated = problem.SimulatedCost(cuts).length;
    if (simulated < length) bound.best = cuts, length = simulated;
  }
  bound.lower_bound = length;
  absl::StrAppend(&bound.proof, ", and simulation of all ", all->size(), " below the best");
  return bound;
}

}  // namespace

PipelineBound SimulatedBoundOf(const PipelineProblem& problem, const std::function<bool()>& stop,
                               const std::function<void(const PipelineCuts&)>& found) {
  PipelineBound bound = BoundOf(problem, stop, found);
  if (!bound.is_found) return bound;
  bound = Simulated(problem, std::move(bound), stop);
  if (stop && stop()) bound.lower_bound = {0}, bound.proof = kStoppedProof;
  return bound;
}

}  // namespace automap
