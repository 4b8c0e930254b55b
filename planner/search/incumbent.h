// What all engines do alike: play episodes, keep the best, note how far they are.
#pragma once

#include <string>
#include <utility>

#include "base/archive.h"
#include "planner/explore/pipeline/pipeline_environment.h"
#include "planner/explore/split_environment.h"
#include "planner/search/engines.h"
#include "planner/search/pipeline_engines.h"

namespace automap {

// How an environment's episodes are read: the choice at the end, null: none.
struct SplitEpisodes {
  using Environment = SplitEnvironment;
  using Outcome = EngineOutcome;
  static const std::vector<bool>* ChoiceOf(const SplitEnvironment& environment) {
    return environment.ended_at_conflict() ? nullptr : &environment.chosen();
  }
  static SplitCost CostOf(const SplitEnvironment& environment, const std::vector<bool>& choice) {
    return environment.problem().Cost(choice);
  }
};

struct PipelineEpisodes {
  using Environment = PipelineEnvironment;
  using Outcome = PipelineOutcome;
  static const PipelineCuts* ChoiceOf(const PipelineEnvironment& environment) {
    return &environment.cuts();
  }
  static PipelineCost CostOf(const PipelineEnvironment& environment, const PipelineCuts& cuts) {
    return environment.CostOf(cuts);
  }
};

// Keeps the best plan of an engine: by cost, or by return, which is all that the paper's agent for
// splits looks at. `budget` and `observer` must outlive it.
template <typename Episodes>
class Incumbent {
 public:
  using Environment = typename Episodes::Environment;
  using Outcome = typename Episodes::Outcome;
  using Choice = typename Outcome::Choice;

  Incumbent(std::string engine, bool by_return, const EngineBudget& budget,
            const Observer<Outcome>& observer)
      : by_return_(by_return), budget_(budget), observer_(observer) {
    outcome_.engine = std::move(engine);
  }

  struct State {
    Outcome outcome;
    Choice last;
    template <typename Self, typename Archive>
    static void Visit(Self& self, Archive& archive) {
      archive(self.outcome, self.last);
    }
  };
  State state() const { return {outcome_, last_}; }
  void Resume(State state, const Environment& environment) {
    outcome_ = std::move(state.outcome);
    last_ = std::move(state.last);
    if (outcome_.found) outcome_.cost = Episodes::CostOf(environment, outcome_.choice);
    if (observer_) observer_(outcome_, outcome_.found);
  }

  void EndEpisode(const Environment& environment, double episode_return, int64_t decisions) {
    outcome_.decisions = decisions;
    ++outcome_.episodes;
    const Choice* choice = Episodes::ChoiceOf(environment);
    bool improved = false;
    if (choice != nullptr && *choice != last_) {
      last_ = *choice;
      improved = Offer(environment, episode_return);
    }
    if (observer_) observer_(outcome_, improved);
  }

  // Whether there is nothing left to find, or the engine is told to stop.
  bool IsOver(const Environment& environment) const {
    const bool is_usable =
        outcome_.found && (FitsIn(outcome_.cost) || environment.problem().options().ignore_memory);
    const bool is_reached = is_usable && budget_.reached.value > 0 &&
                            TimeOf(outcome_.cost) <= budget_.reached * (1 + 1e-9);
    return is_reached || budget_.stop();
  }

  Outcome Take() && { return std::move(outcome_); }
  const Outcome& outcome() const { return outcome_; }

 private:
  bool Offer(const Environment& environment, double episode_return) {
    const auto cost = Episodes::CostOf(environment, last_);
    const bool better = by_return_ ? episode_return > outcome_.best_return
                                   : environment.problem().IsBetter(cost, outcome_.cost);
    if (outcome_.found && !better) return false;
    outcome_.found = true;
    outcome_.choice = last_;
    outcome_.cost = cost;
    outcome_.best_return = episode_return;
    outcome_.decisions_to_best = outcome_.decisions;
    outcome_.curve.emplace_back(outcome_.decisions, TimeOf(cost));
    outcome_.curve_choices.push_back(last_);
    return true;
  }

  const bool by_return_;
  const EngineBudget& budget_;
  const Observer<Outcome>& observer_;
  Outcome outcome_;
  Choice last_ = {};
};

// Where an engine without a network is between two episodes.
template <typename Episodes, typename Random>
struct PlayState {
  Random random;
  int64_t decisions = 0, episode = 0;
  typename Incumbent<Episodes>::State incumbent = {};
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.random, self.decisions, self.episode, self.incumbent);
  }
};

// Plays episodes of `length` decisions by act(environment, state) until the budget is used up.
// Without decisions there is one.
template <typename Episodes, typename Random, typename Act>
typename Episodes::Outcome Play(typename Episodes::Environment environment, int64_t length,
                                const EngineBudget& budget, Random random,
                                Incumbent<Episodes> incumbent, const Act& act) {
  PlayState<Episodes, Random> state = {std::move(random)};
  if (FromArchive(budget.part.state(), state)) incumbent.Resume(state.incumbent, environment);
  while (state.episode == 0 || (length > 0 && state.decisions + length <= budget.decisions &&
                                !incumbent.IsOver(environment))) {
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

}  // namespace automap
