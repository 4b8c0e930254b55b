// The engines that search a SplitProblem, all on the same environment and under the same budget of
// decisions. None of them sees another's result.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/split_environment.h"
#include "planner/search/outcome.h"

namespace automap {

// By decision, whether it is split.
using EngineOutcome = Outcome<std::vector<bool>, SplitCost>;
using EngineObserver = Observer<EngineOutcome>;

inline Seconds TimeOf(const SplitCost& cost) { return cost.step_time; }
inline bool FitsIn(const SplitCost& cost) { return cost.fits; }

// Uniformly random legal actions, episode after episode.
EngineOutcome SearchRandom(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer);

// The action with the larger immediate reward; later episodes take the other one now and then (one
// time in ten).
EngineOutcome SearchGreedy(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer);

// A DQN trained from scratch. `paper`: two stages, the second starting from the first one's splits.
absl::StatusOr<EngineOutcome> SearchDqn(const SplitProblem& problem, Preset preset,
                                        const EngineBudget& budget, const EngineObserver& observer);

}  // namespace automap
