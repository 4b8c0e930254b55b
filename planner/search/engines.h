// The engines that search a SplitProblem, all on the same environment and under the same budget of
// decisions. None of them sees another's result.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/split_environment.h"
#include "planner/search_journal.h"

namespace automap {

enum class Preset { kDefault, kPaper };

struct EngineBudget {
  int64_t decisions = 2000;
  uint64_t seed = 0;
  std::function<bool()> stop = [] { return false; };  // asked after every episode
  SearchJournal::Part part;  // where the engine was, and where it notes how far it is
};

// What one engine found by itself.
struct EngineOutcome {
  std::string engine;
  bool found = false;  // whether any episode ended with a plan
  std::vector<bool> chosen;
  SplitCost cost;
  double best_return = 0;
  int64_t episodes = 0;
  int64_t decisions = 0;
  int64_t decisions_to_best = 0;
  std::vector<std::pair<int64_t, Seconds>> curve;  // decisions, best step time

  // base/archive.h; without the cost, which follows from `chosen`.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.engine, self.found, self.chosen, self.best_return, self.episodes, self.decisions,
            self.decisions_to_best, self.curve);
  }
  void Price(const SplitProblem& problem) {
    if (found) cost = problem.Cost(chosen);
  }
};

// Called when an engine has a better plan, and now and then in between.
using EngineObserver = std::function<void(const EngineOutcome&, bool improved)>;

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
