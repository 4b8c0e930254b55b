// What an engine is given and what it gives back, whatever the problem.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "planner/search_journal.h"

namespace automap {

enum class Preset { kDefault, kPaper };

struct EngineBudget {
  int64_t decisions = 2000;
  uint64_t seed = 0;
  std::function<bool()> stop = [] { return false; };  // asked after every episode
  // A time that no choice of the problem beats: an engine that has reached it has nothing left to
  // find and stops. 0: none is known.
  Seconds reached = {};
  SearchJournal::Part part = {};  // where the engine was, and where it notes how far it is
};

// What one engine found by itself. A choice says what is decided, a cost what that comes to.
template <typename ChoiceType, typename CostType>
struct Outcome {
  using Choice = ChoiceType;
  using Cost = CostType;

  std::string engine;
  bool found = false;  // whether any episode ended with a plan
  Choice choice = {};
  Cost cost = {};
  double best_return = 0;
  int64_t episodes = 0;
  int64_t decisions = 0;
  int64_t decisions_to_best = 0;
  std::vector<std::pair<int64_t, Seconds>> curve = {};  // decisions, best time
  std::vector<Choice> curve_choices = {};               // by point of the curve
  std::string refusal = {};  // why the engine did not run, in words for the user

  // base/archive.h; without the cost, which follows from the choice.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.engine, self.found, self.choice, self.best_return, self.episodes, self.decisions,
            self.decisions_to_best, self.curve, self.curve_choices);
  }
  template <typename Problem>
  void Price(const Problem& problem) {
    if (found) cost = problem.Cost(choice);
  }
};

// Called when an engine has a better plan, and now and then in between.
template <typename OutcomeType>
using Observer = std::function<void(const OutcomeType&, bool improved)>;

}  // namespace automap
