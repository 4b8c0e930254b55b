#include "planner/search/pipeline_engines.h"

#include <algorithm>

#include "agent/agents.h"
#include "agent/core/random.h"
#include "agent/presets.h"
#include "base/archive.h"
#include "base/status_macros.h"
#include "planner/search/incumbent.h"

namespace automap {
namespace {

std::vector<int> LegalActions(const PipelineEnvironment& environment) {
  std::vector<uint8_t> mask(environment.num_actions());
  environment.LegalActions(absl::MakeSpan(mask));
  std::vector<int> actions;
  for (size_t a = 0; a < mask.size(); ++a) {
    if (mask[a] != 0) actions.push_back(static_cast<int>(a));
  }
  return actions;
}

using PipelinePlay = PlayState<PipelineEpisodes, Random>;

// Where the DQN is between two episodes.
struct DqnState {
  Incumbent<PipelineEpisodes>::State incumbent;
  std::string training;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.incumbent, self.training);
  }
};

template <typename Act>
PipelineOutcome PlayCuts(const PipelineEnvironment& root, const EngineBudget& budget, Random random,
                         std::string engine, const PipelineObserver& observer, const Act& act) {
  return Play(root, root.problem().options().stages - 1, budget, random,
              Incumbent<PipelineEpisodes>(std::move(engine), false, budget, observer), act);
}

}  // namespace

PipelineEnvironment PipelineEnvironmentOf(const PipelineProblem& problem, Preset preset) {
  PipelineEnvironmentOptions options;
  if (preset == Preset::kPaper) options.reward = PipelineEnvironmentOptions::Reward::kInverse;
  options.is_thorough = preset == Preset::kDefault;
  return PipelineEnvironment(problem, options);
}

PipelineOutcome SearchCutsRandomly(const PipelineEnvironment& root, const EngineBudget& budget,
                                   const PipelineObserver& observer) {
  return PlayCuts(root, budget, Random(budget.seed, 11), "random", observer,
                  [](const PipelineEnvironment& environment, PipelinePlay& state) {
                    const std::vector<int> actions = LegalActions(environment);
                    return actions[state.random.Below(actions.size())];
                  });
}

PipelineOutcome SearchCutsGreedily(const PipelineEnvironment& root, const EngineBudget& budget,
                                   const PipelineObserver& observer) {
  return PlayCuts(root, budget, Random(budget.seed, 12), "greedy", observer,
                  [](const PipelineEnvironment& environment, PipelinePlay& state) {
                    if (state.episode == 0 || state.random.Below(10) != 0)
                      return environment.ShortestAction();
                    const std::vector<int> actions = LegalActions(environment);
                    return actions[state.random.Below(actions.size())];
                  });
}

absl::StatusOr<PipelineOutcome> SearchCutsByDqn(const PipelineEnvironment& root,
                                                const EngineBudget& budget,
                                                const PipelineObserver& observer) {
  Incumbent<PipelineEpisodes> incumbent("dqn", false, budget, observer);
  PipelineEnvironment environment = root;
  if (environment.done()) {
    incumbent.EndEpisode(environment, 0, 0);
    return std::move(incumbent).Take();
  }
  DqnState state;
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.incumbent, environment);
  const auto observe = [&](const EpisodeReport& report) {
    incumbent.EndEpisode(environment, report.episode_return, report.decisions);
    return !incumbent.IsOver(environment);
  };
  const TrainingCheckpoints checkpoints = {
      std::move(state.training), [&] { return budget.part.IsDue(); },
      [&](std::string training) {
        budget.part.Keep(ToArchive(DqnState{incumbent.state(), std::move(training)}));
      }};
  const AgentOptions agent = root.is_paper() ? PaperPipelineAgent() : PipelineAgent();
  RETURN_IF_ERROR(
      TrainAgent(environment, agent, budget.seed, budget.decisions, observe, checkpoints).status());
  return std::move(incumbent).Take();
}

void JudgeBySimulation(const PipelineProblem& problem, PipelineOutcome& outcome) {
  outcome.cost = problem.SimulatedCost(outcome.choice);
  PipelineCost so_far;
  for (size_t i = 0; i < outcome.curve.size(); ++i) {
    const PipelineCost cost = problem.SimulatedCost(outcome.curve_choices[i]);
    if (i == 0 || problem.IsBetter(cost, so_far)) so_far = cost;
    outcome.curve[i].second = so_far.length;
    if (!problem.IsBetter(cost, outcome.cost)) continue;
    outcome.cost = cost;
    outcome.choice = outcome.curve_choices[i];
    outcome.decisions_to_best = outcome.curve[i].first;
  }
}

}  // namespace automap
