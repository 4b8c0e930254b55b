#include "planner/search/pipeline_engines.h"

#include <algorithm>

#include "agent/agents.h"
#include "agent/core/random.h"
#include "agent/presets.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/pipeline_bound.h"

namespace automap {
namespace {

// Keeps the best cuts of an engine.
class Incumbent {
 public:
  Incumbent(std::string engine, const PipelineObserver& observer) : observer_(observer) {
    outcome_.engine = std::move(engine);
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

// Plays episodes by `act` until the budget is used up.
template <typename Act>
PipelineOutcome Play(const PipelineProblem& problem, Preset preset, const EngineBudget& budget,
                     std::string engine, const PipelineObserver& observer, const Act& act) {
  PipelineEnvironment environment(problem, PipelineEnvironmentOf(preset));
  Incumbent incumbent(std::move(engine), observer);
  const int64_t length = problem.options().stages - 1;
  int64_t decisions = 0, episode = 0;
  do {
    environment.Reset();
    double episode_return = 0;
    while (!environment.done()) {
      episode_return += environment.Step(act(environment, episode));
      ++decisions;
    }
    incumbent.EndEpisode(environment, episode_return, decisions);
    ++episode;
  } while (length > 0 && decisions + length <= budget.decisions && !budget.stop());
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
  Random random(budget.seed, 11);
  return Play(problem, preset, budget, "random", observer,
              [&](const PipelineEnvironment& environment, int64_t) {
                const std::vector<int> actions = LegalActions(environment);
                return actions[random.Below(actions.size())];
              });
}

PipelineOutcome SearchCutsGreedily(const PipelineProblem& problem, Preset preset,
                                   const EngineBudget& budget, const PipelineObserver& observer) {
  Random random(budget.seed, 12);
  return Play(problem, preset, budget, "greedy", observer,
              [&](const PipelineEnvironment& environment, int64_t episode) {
                const std::vector<int> actions = LegalActions(environment);
                if (episode > 0 && random.Below(10) == 0)
                  return actions[random.Below(actions.size())];
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
  const auto observe = [&](const EpisodeReport& report) {
    incumbent.EndEpisode(environment, report.episode_return, report.decisions);
    return !budget.stop();
  };
  const AgentOptions agent = preset == Preset::kPaper ? PaperPipelineAgent() : PipelineAgent();
  RETURN_IF_ERROR(TrainAgent(environment, agent, budget.seed, budget.decisions, observe).status());
  return std::move(incumbent).Take();
}

PipelineOutcome InferCuts(const PipelineProblem& problem, const CandidatePolicy& policy,
                          bool polish) {
  const PipelineObserver nobody;
  Incumbent incumbent("inference", nobody);
  PipelineEnvironment environment(problem, {});
  const double episode_return = PlayByPolicy(policy, environment);
  incumbent.EndEpisode(environment, episode_return, problem.options().stages - 1);
  PipelineOutcome outcome = std::move(incumbent).Take();
  if (polish) {
    outcome.cuts = LocalCuts(problem, outcome.cuts);
    outcome.cost = problem.Cost(outcome.cuts);
  }
  return outcome;
}

}  // namespace automap
