#include "planner/search/engines.h"

#include <array>
#include <random>
#include <sstream>
#include <utility>

#include "agent/agents.h"
#include "agent/presets.h"
#include "base/archive.h"
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

  struct State {
    EngineOutcome outcome;
    std::vector<bool> last;
    template <typename Self, typename Archive>
    static void Visit(Self& self, Archive& archive) {
      archive(self.outcome, self.last);
    }
  };
  State state() const { return {outcome_, last_}; }
  void Resume(State state, const SplitProblem& problem) {
    outcome_ = std::move(state.outcome);
    last_ = std::move(state.last);
    outcome_.Price(problem);
    if (observer_) observer_(outcome_, outcome_.found);
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

// Where the engines without a network are between two episodes.
struct PlayState {
  std::mt19937_64 random;
  int64_t decisions = 0, episode = 0;
  Incumbent::State incumbent;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    std::stringstream text;
    text << self.random;
    std::string words = text.str();
    archive(words, self.decisions, self.episode, self.incumbent);
    if constexpr (Archive::kReads) std::stringstream(words) >> self.random;
  }
};

// Plays episodes by `act` until the budget is used up. An environment without decisions is one
// episode.
template <typename Act>
EngineOutcome Play(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                   std::string engine, const EngineObserver& observer, const Act& act) {
  SplitEnvironment environment(problem, EnvironmentOptions(preset));
  Incumbent incumbent(std::move(engine), preset, observer);
  PlayState state = {.random = std::mt19937_64(budget.seed), .incumbent = {}};
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.incumbent, problem);
  const int64_t length = problem.decisions().size();
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
    state.incumbent = incumbent.state();
    budget.part.Keep(ToArchive(state));
  }
  return std::move(incumbent).Take();
}

// Where the DQN is between two episodes.
struct DqnState {
  int stage = 0;
  int64_t before = 0;       // decisions of earlier stages
  std::vector<bool> fixed;  // by them
  Incumbent::State incumbent;
  std::string training;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.stage, self.before, self.fixed, self.incumbent, self.training);
  }
};

std::array<uint8_t, 2> Mask(const SplitEnvironment& environment) {
  std::array<uint8_t, 2> mask;
  environment.LegalActions(absl::MakeSpan(mask));
  return mask;
}

}  // namespace

EngineOutcome SearchRandom(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer) {
  return Play(problem, preset, budget, "random", observer,
              [](const SplitEnvironment& environment, PlayState& state) {
                return Mask(environment)[1] != 0 ? static_cast<int>(state.random() >> 63) : 0;
              });
}

EngineOutcome SearchGreedy(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer) {
  return Play(problem, preset, budget, "greedy", observer,
              [](const SplitEnvironment& environment, PlayState& state) {
                if (Mask(environment)[1] == 0) return 0;
                std::array<double, 2> reward;
                for (int action = 0; action < 2; ++action)
                  reward[action] = environment.Clone()->Step(action);
                const int best = reward[1] > reward[0] ? 1 : 0;
                return state.episode > 0 && state.random() % 10 == 0 ? 1 - best : best;
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
  const int stages = preset == Preset::kPaper ? 2 : 1;
  DqnState state;
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.incumbent, problem);
  for (; state.stage < stages; ++state.stage) {
    SplitEnvironmentOptions options = EnvironmentOptions(preset);
    options.fixed = state.fixed;
    SplitEnvironment environment(problem, options);
    if (environment.done()) break;
    double fixed_return = 0;
    for (size_t d = 0; d < state.fixed.size(); ++d)
      fixed_return += state.fixed[d] ? 0.4 * problem.decisions()[d].members : 0;
    const auto observe = [&](const EpisodeReport& report) {
      incumbent.EndEpisode(environment, report.episode_return + fixed_return,
                           state.before + report.decisions);
      return !budget.stop();
    };
    const TrainingCheckpoints checkpoints = {
        std::exchange(state.training, ""), [&] { return budget.part.IsDue(); },
        [&](std::string training) {
          budget.part.Keep(ToArchive(
              DqnState{state.stage, state.before, state.fixed, incumbent.state(), training}));
        }};
    ASSIGN_OR_RETURN(const TrainingResult result,
                     TrainAgent(environment, agent, budget.seed + state.stage,
                                budget.decisions / stages, observe, checkpoints));
    state.before += result.decisions;
    state.fixed = incumbent.outcome().chosen;
  }
  return std::move(incumbent).Take();
}

}  // namespace automap
