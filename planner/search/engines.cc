#include "planner/search/engines.h"

#include <array>
#include <random>

#include "agent/agents.h"
#include "agent/presets.h"
#include "base/status_macros.h"

namespace automap {
namespace {

SplitEnvironmentOptions EnvironmentOptions(Preset preset) {
  SplitEnvironmentOptions options;
  options.reward = preset == Preset::kPaper ? SplitEnvironmentOptions::Reward::kCount
                                            : SplitEnvironmentOptions::Reward::kTime;
  return options;
}

// Keeps the best plan of an engine: by step time, in the paper preset by return, which is all that
// it looks at.
class Incumbent {
 public:
  Incumbent(std::string engine, Preset preset, const EngineObserver& observer)
      : preset_(preset), observer_(observer) {
    outcome_.engine = std::move(engine);
  }

  void EndEpisode(const SplitEnvironment& environment, double episode_return, int64_t decisions) {
    outcome_.decisions = decisions;
    ++outcome_.episodes;
    bool improved = false;
    if (!environment.ended_at_conflict() && environment.chosen() != last_) {
      last_ = environment.chosen();
      improved = Offer(environment, episode_return);
    }
    if (observer_) observer_(outcome_, improved);
  }

  EngineOutcome Take() && { return std::move(outcome_); }
  const EngineOutcome& outcome() const { return outcome_; }

 private:
  bool Offer(const SplitEnvironment& environment, double episode_return) {
    const SplitCost cost = environment.problem().Cost(environment.chosen());
    const bool better = preset_ == Preset::kPaper
                            ? episode_return > outcome_.best_return
                            : environment.problem().IsBetter(cost, outcome_.cost);
    if (outcome_.found && !better) return false;
    outcome_.found = true;
    outcome_.chosen = environment.chosen();
    outcome_.cost = cost;
    outcome_.best_return = episode_return;
    outcome_.decisions_to_best = outcome_.decisions;
    outcome_.curve.emplace_back(outcome_.decisions, cost.step_time);
    return true;
  }

  const Preset preset_;
  const EngineObserver& observer_;
  EngineOutcome outcome_;
  std::vector<bool> last_;
};

// Plays episodes by `act` until the budget is used up. An environment without decisions is one
// episode.
template <typename Act>
EngineOutcome Play(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                   std::string engine, const EngineObserver& observer, const Act& act) {
  SplitEnvironment environment(problem, EnvironmentOptions(preset));
  Incumbent incumbent(std::move(engine), preset, observer);
  const int64_t length = problem.decisions().size();
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

std::array<uint8_t, 2> Mask(const SplitEnvironment& environment) {
  std::array<uint8_t, 2> mask;
  environment.LegalActions(absl::MakeSpan(mask));
  return mask;
}

}  // namespace

EngineOutcome SearchRandom(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer) {
  std::mt19937_64 random(budget.seed);
  return Play(problem, preset, budget, "random", observer,
              [&](const SplitEnvironment& environment, int64_t) {
                return Mask(environment)[1] != 0 ? static_cast<int>(random() >> 63) : 0;
              });
}

EngineOutcome SearchGreedy(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer) {
  std::mt19937_64 random(budget.seed);
  return Play(problem, preset, budget, "greedy", observer,
              [&](const SplitEnvironment& environment, int64_t episode) {
                if (Mask(environment)[1] == 0) return 0;
                std::array<double, 2> reward;
                for (int action = 0; action < 2; ++action)
                  reward[action] = environment.Clone()->Step(action);
                const int best = reward[1] > reward[0] ? 1 : 0;
                return episode > 0 && random() % 10 == 0 ? 1 - best : best;
              });
}

absl::StatusOr<EngineOutcome> SearchDqn(const SplitProblem& problem, Preset preset,
                                        const EngineBudget& budget,
                                        const EngineObserver& observer) {
  Incumbent incumbent("dqn", preset, observer);
  if (problem.decisions().empty()) {
    incumbent.EndEpisode(SplitEnvironment(problem, EnvironmentOptions(preset)), 0, 0);
    return std::move(incumbent).Take();
  }
  const AgentOptions agent = preset == Preset::kPaper ? PaperAgent() : DefaultAgent();
  SplitEnvironmentOptions options = EnvironmentOptions(preset);
  const int stages = preset == Preset::kPaper ? 2 : 1;
  int64_t before = 0;
  for (int stage = 0; stage < stages; ++stage) {
    SplitEnvironment environment(problem, options);
    if (environment.done()) break;
    double fixed_return = 0;
    for (size_t d = 0; d < options.fixed.size(); ++d)
      fixed_return += options.fixed[d] ? 0.4 * problem.decisions()[d].members : 0;
    const auto observe = [&](const EpisodeReport& report) {
      incumbent.EndEpisode(environment, report.episode_return + fixed_return,
                           before + report.decisions);
      return !budget.stop();
    };
    ASSIGN_OR_RETURN(
        const TrainingResult result,
        TrainAgent(environment, agent, budget.seed + stage, budget.decisions / stages, observe));
    before += result.decisions;
    options.fixed = incumbent.outcome().chosen;
  }
  return std::move(incumbent).Take();
}

}  // namespace automap
