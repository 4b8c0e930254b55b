// The engines that search a SplitProblem, all on the same environment and under the same budget of
// decisions. None of them sees another's result.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/split_environment.h"

namespace automap {

enum class Preset { kDefault, kPaper };

struct EngineBudget {
  int64_t decisions = 2000;
  uint64_t seed = 0;
  std::function<bool()> stop = [] { return false; };  // asked after every episode
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
