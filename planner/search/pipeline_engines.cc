#include "planner/search/pipeline_engines.h"

#include <algorithm>

#include "agent/agents.h"
#include "agent/core/random.h"
#include "agent/presets.h"
#include "base/archive.h"
#include "base/status_macros.h"

namespace automap {
namespace {

// Keeps the best cuts of an engine.
class Incumbent {
 public:
  Incumbent(std::string engine, const PipelineObserver& observer) : observer_(observer) {
    outcome_.engine = std::move(engine);
  }

  const PipelineOutcome& outcome() const { return outcome_; }
  void Resume(PipelineOutcome outcome, const PipelineProblem& problem) {
    outcome_ = std::move(outcome);
    outcome_.Price(problem);
    if (observer_) observer_(outcome_, outcome_.found);
  }

  void EndEpisode(const PipelineEnvironment& environment, double episode_return,
                  int64_t decisions) {
    outcome_.decisions = decisions;
    ++outcome_.episodes;
    const PipelineProblem& problem = environment.problem();
    const PipelineCost cost = problem.Cost(environment.cuts());
    const bool improved = !outcome_.found || problem.IsBetter(cost, outcome_.cost);
    if (improved) {
      outcome_.found = true;
      outcome_.cuts = environment.cuts();
      outcome_.cost = cost;
      outcome_.best_return = episode_return;
      outcome_.decisions_to_best = decisions;
      outcome_.curve.emplace_back(decisions, cost.length);
      outcome_.curve_cuts.push_back(environment.cuts());
    }
    if (observer_) observer_(outcome_, improved);
  }

  PipelineOutcome Take() && { return std::move(outcome_); }

 private:
  const PipelineObserver& observer_;
  PipelineOutcome outcome_;
};

std::vector<int> LegalActions(const PipelineEnvironment& environment) {
  std::vector<uint8_t> mask(environment.num_actions());
  environment.LegalActions(absl::MakeSpan(mask));
  std::vector<int> actions;
  for (size_t a = 0; a < mask.size(); ++a) {
    if (mask[a] != 0) actions.push_back(static_cast<int>(a));
  }
  return actions;
}

// Where the engines without a network are between two episodes.
struct PlayState {
  Random random;
  int64_t decisions = 0, episode = 0;
  PipelineOutcome outcome;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.random, self.decisions, self.episode, self.outcome);
  }
};

// Where the DQN is between two episodes.
struct DqnState {
  PipelineOutcome outcome;
  std::string training;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.outcome, self.training);
  }
};

// Plays episodes by `act` until the budget is used up.
template <typename Act>
PipelineOutcome Play(const PipelineProblem& problem, Preset preset, const EngineBudget& budget,
                     Random random, std::string engine, const PipelineObserver& observer,
                     const Act& act) {
  PipelineEnvironment environment(problem, PipelineEnvironmentOf(preset));
  Incumbent incumbent(std::move(engine), observer);
  PlayState state = {.random = random, .outcome = {}};
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.outcome, problem);
  const int64_t length = problem.options().stages - 1;
  while (state.episode == 0 ||
         (length > 0 && state.decisions + length <= budget.decisions && !budget.stop())) {
    environment.Reset();
    double episode_return = 0;
    while (!environment.done()) {
      episode_return += environment.Step(act(environment, state));
      ++state.decisions;
    }
    incumbent.EndEpisode(environment, episode_return, state.decisions);
    ++state.episode;
    if (!budget.part.IsDue()) continue;
    state.outcome = incumbent.outcome();
    budget.part.Keep(ToArchive(state));
  }
  return std::move(incumbent).Take();
}

}  // namespace

PipelineEnvironmentOptions PipelineEnvironmentOf(Preset preset) {
  PipelineEnvironmentOptions options;
  if (preset == Preset::kPaper) options.reward = PipelineEnvironmentOptions::Reward::kInverse;
  return options;
}

PipelineOutcome SearchCutsRandomly(const PipelineProblem& problem, Preset preset,
                                   const EngineBudget& budget, const PipelineObserver& observer) {
  return Play(problem, preset, budget, Random(budget.seed, 11), "random", observer,
              [](const PipelineEnvironment& environment, PlayState& state) {
                const std::vector<int> actions = LegalActions(environment);
                return actions[state.random.Below(actions.size())];
              });
}

PipelineOutcome SearchCutsGreedily(const PipelineProblem& problem, Preset preset,
                                   const EngineBudget& budget, const PipelineObserver& observer) {
  return Play(problem, preset, budget, Random(budget.seed, 12), "greedy", observer,
              [](const PipelineEnvironment& environment, PlayState& state) {
                const std::vector<int> actions = LegalActions(environment);
                if (state.episode > 0 && state.random.Below(10) == 0)
                  return actions[state.random.Below(actions.size())];
                int best = actions.front();
                Seconds shortest = environment.Projection(best);
                for (const int action : actions) {
                  const Seconds length = environment.Projection(action);
                  if (length < shortest) shortest = length, best = action;
                }
                return best;
              });
}

absl::StatusOr<PipelineOutcome> SearchCutsByDqn(const PipelineProblem& problem, Preset preset,
                                                const EngineBudget& budget,
                                                const PipelineObserver& observer) {
  Incumbent incumbent("dqn", observer);
  PipelineEnvironment environment(problem, PipelineEnvironmentOf(preset));
  if (environment.done()) {
    incumbent.EndEpisode(environment, 0, 0);
    return std::move(incumbent).Take();
  }
  DqnState state;
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.outcome, problem);
  const auto observe = [&](const EpisodeReport& report) {
    incumbent.EndEpisode(environment, report.episode_return, report.decisions);
    return !budget.stop();
  };
  const TrainingCheckpoints checkpoints = {
      std::move(state.training), [&] { return budget.part.IsDue(); },
      [&](std::string training) {
        budget.part.Keep(ToArchive(DqnState{incumbent.outcome(), std::move(training)}));
      }};
  const AgentOptions agent = preset == Preset::kPaper ? PaperPipelineAgent() : PipelineAgent();
  RETURN_IF_ERROR(
      TrainAgent(environment, agent, budget.seed, budget.decisions, observe, checkpoints).status());
  return std::move(incumbent).Take();
}

void JudgeBySimulation(const PipelineProblem& problem, PipelineOutcome& outcome) {
  outcome.cost = problem.SimulatedCost(outcome.cuts);
  PipelineCost so_far;
  for (size_t i = 0; i < outcome.curve.size(); ++i) {
    const PipelineCost cost = problem.SimulatedCost(outcome.curve_cuts[i]);
    if (i == 0 || problem.IsBetter(cost, so_far)) so_far = cost;
    outcome.curve[i].second = so_far.length;
    if (!problem.IsBetter(cost, outcome.cost)) continue;
    outcome.cost = cost;
    outcome.cuts = outcome.curve_cuts[i];
    outcome.decisions_to_best = outcome.curve[i].first;
  }
}

}  // namespace automap
