#include "planner/search/engines.h"

#include <array>
#include <random>
#include <sstream>
#include <utility>

#include "agent/agents.h"
#include "agent/presets.h"
#include "base/archive.h"
#include "base/status_macros.h"
#include "planner/search/incumbent.h"

namespace automap {
namespace {

SplitEnvironmentOptions EnvironmentOptions(Preset preset) {
  SplitEnvironmentOptions options;
  options.reward = preset == Preset::kPaper ? SplitEnvironmentOptions::Reward::kCount
                                            : SplitEnvironmentOptions::Reward::kTime;
  return options;
}

// The standard library's generator, for base/archive.h.
struct Twister {
  std::mt19937_64 generator;
  uint64_t operator()() { return generator(); }
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    std::stringstream text;
    text << self.generator;
    std::string words = text.str();
    archive(words);
    if constexpr (Archive::kReads) std::stringstream(words) >> self.generator;
  }
};

using SplitPlay = PlayState<SplitEpisodes, Twister>;

// The paper's agent looks at its return alone.
Incumbent<SplitEpisodes> NewIncumbent(std::string engine, Preset preset, const EngineBudget& budget,
                                      const EngineObserver& observer) {
  return {std::move(engine), preset == Preset::kPaper, budget, observer};
}

template <typename Act>
EngineOutcome PlaySplits(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                         std::string engine, const EngineObserver& observer, const Act& act) {
  return Play(SplitEnvironment(problem, EnvironmentOptions(preset)), problem.decisions().size(),
              budget, Twister{std::mt19937_64(budget.seed)},
              NewIncumbent(std::move(engine), preset, budget, observer), act);
}

// Where the DQN is between two episodes.
struct DqnState {
  int stage = 0;
  int64_t before = 0;       // decisions of earlier stages
  std::vector<bool> fixed;  // by them
  Incumbent<SplitEpisodes>::State incumbent;
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
  return PlaySplits(problem, preset, budget, "random", observer,
                    [](const SplitEnvironment& environment, SplitPlay& state) {
                      return Mask(environment)[1] != 0 ? static_cast<int>(state.random() >> 63) : 0;
                    });
}

EngineOutcome SearchGreedy(const SplitProblem& problem, Preset preset, const EngineBudget& budget,
                           const EngineObserver& observer) {
  return PlaySplits(problem, preset, budget, "greedy", observer,
                    [](const SplitEnvironment& environment, SplitPlay& state) {
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
  Incumbent<SplitEpisodes> incumbent = NewIncumbent("dqn", preset, budget, observer);
  if (problem.decisions().empty()) {
    incumbent.EndEpisode(SplitEnvironment(problem, EnvironmentOptions(preset)), 0, 0);
    return std::move(incumbent).Take();
  }
  const AgentOptions agent = preset == Preset::kPaper ? PaperAgent() : DefaultAgent();
  const int stages = preset == Preset::kPaper ? 2 : 1;
  DqnState state;
  if (FromArchive(budget.part.state(), state))
    incumbent.Resume(state.incumbent, SplitEnvironment(problem, EnvironmentOptions(preset)));
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
      return !incumbent.IsOver(environment);
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
    state.fixed = incumbent.outcome().choice;
  }
  return std::move(incumbent).Take();
}

}  // namespace automap
