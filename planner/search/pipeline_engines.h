// The engines that search a PipelineProblem, on the same environment and under the same budget of
// decisions. None of them sees another's result.
#pragma once

#include "absl/status/statusor.h"
#include "agent/agents.h"
#include "planner/explore/pipeline/pipeline_environment.h"
#include "planner/search/engines.h"

namespace automap {

// What one engine found by itself.
struct PipelineOutcome {
  std::string engine;
  bool found = false;
  PipelineCuts cuts;
  PipelineCost cost;
  double best_return = 0;
  int64_t episodes = 0;
  int64_t decisions = 0;
  int64_t decisions_to_best = 0;
  std::vector<std::pair<int64_t, Seconds>> curve;  // decisions, shortest length
  std::vector<PipelineCuts> curve_cuts;            // by point of the curve

  // base/archive.h; without the cost, which follows from `cuts`.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.engine, self.found, self.cuts, self.best_return, self.episodes, self.decisions,
            self.decisions_to_best, self.curve, self.curve_cuts);
  }
  void Price(const PipelineProblem& problem) {
    if (found) cost = problem.Cost(cuts);
  }
};

using PipelineObserver = std::function<void(const PipelineOutcome&, bool improved)>;

PipelineEnvironmentOptions PipelineEnvironmentOf(Preset preset);

// Uniformly random legal cuts, episode after episode.
PipelineOutcome SearchCutsRandomly(const PipelineProblem& problem, Preset preset,
                                   const EngineBudget& budget, const PipelineObserver& observer);

// The cut with the shortest projection; later episodes take another one now and then (one time in
// ten).
PipelineOutcome SearchCutsGreedily(const PipelineProblem& problem, Preset preset,
                                   const EngineBudget& budget, const PipelineObserver& observer);

// A DQN trained from scratch.
absl::StatusOr<PipelineOutcome> SearchCutsByDqn(const PipelineProblem& problem, Preset preset,
                                                const EngineBudget& budget,
                                                const PipelineObserver& observer);

// Engines compare cuts by their length in closed form. This prices the best few that one found, its
// curve, by the simulation and keeps the best of them by that.
void JudgeBySimulation(const PipelineProblem& problem, PipelineOutcome& outcome);

}  // namespace automap
