// The engines that search a PipelineProblem, on the same environment and under the same budget of
// decisions. None of them sees another's result; what candidates there are and what they project
// is worked out once for all that begin at copies of one environment.
#pragma once

#include <algorithm>

#include "absl/status/statusor.h"
#include "agent/agents.h"
#include "planner/explore/pipeline/pipeline_environment.h"
#include "planner/search/outcome.h"

namespace automap {

using PipelineOutcome = Outcome<PipelineCuts, PipelineCost>;
using PipelineObserver = Observer<PipelineOutcome>;

inline Seconds TimeOf(const PipelineCost& cost) { return cost.length; }
inline bool FitsIn(const PipelineCost& cost) { return cost.fits(); }

PipelineEnvironment PipelineEnvironmentOf(const PipelineProblem& problem, Preset preset);

// Of a default engine that was told no number.
inline int32_t UsualDecisions(int32_t stages) { return std::clamp(300 * stages, 1200, 2400); }

// Uniformly random legal cuts, episode after episode.
PipelineOutcome SearchCutsRandomly(const PipelineEnvironment& root, const EngineBudget& budget,
                                   const PipelineObserver& observer);

// The cut with the shortest projection; later episodes take another one now and then (one time in
// ten).
PipelineOutcome SearchCutsGreedily(const PipelineEnvironment& root, const EngineBudget& budget,
                                   const PipelineObserver& observer);

// A DQN trained from scratch, the paper's agent in the paper's environment.
absl::StatusOr<PipelineOutcome> SearchCutsByDqn(const PipelineEnvironment& root,
                                                const EngineBudget& budget,
                                                const PipelineObserver& observer);

// Engines compare cuts by their length in closed form. This prices the best few that one found, its
// curve, by the simulation and keeps the best of them by that.
void JudgeBySimulation(const PipelineProblem& problem, PipelineOutcome& outcome);

}  // namespace automap
