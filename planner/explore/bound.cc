#include "planner/explore/bound.h"

#include "planner/oracle/best_choice.h"

namespace automap {
namespace {

constexpr size_t kMaxEnumerated = 16;

SplitBound Enumerate(const SplitProblem& problem) {
  const auto& decisions = problem.decisions();
  SplitBound bound = {problem.base_time(), std::vector<bool>(decisions.size(), false), true,
                      "exhaustive over all combinations of groups"};
  for (uint32_t bits = 1; bits < (uint32_t{1} << decisions.size()); ++bits) {
    std::vector<bool> chosen(decisions.size());
    bool is_legal = true;
    for (size_t d = 0; d < decisions.size(); ++d) {
      chosen[d] = (bits >> d & 1) != 0;
      for (const int32_t other : decisions[d].conflicts)
        is_legal = is_legal && !(chosen[d] && (bits >> other & 1) != 0);
    }
    if (!is_legal) continue;
    const Seconds time = problem.StepTime(chosen);
    if (time < bound.lower_bound) bound.lower_bound = time, bound.best = chosen;
  }
  return bound;
}

}  // namespace

SplitBound BoundOf(const SplitProblem& problem) {
  const auto& decisions = problem.decisions();
  if (!problem.is_additive()) {
    if (decisions.size() <= kMaxEnumerated) return Enumerate(problem);
    return {Seconds{0}, {}, false, "none: groups overlap and are too many to enumerate"};
  }
  std::vector<double> gains;
  std::vector<std::vector<int32_t>> conflicts;
  for (const SplitDecision& decision : decisions) {
    gains.push_back(decision.gain.value);
    conflicts.push_back(decision.conflicts);
  }
  const Choice choice = BestChoice(gains, conflicts);
  return {problem.base_time() - Seconds{choice.upper_bound}, choice.chosen, choice.is_proved,
          choice.is_proved ? "exhaustive over linkage groups"
                           : "relaxation of the conflicts among linkage groups"};
}

}  // namespace automap
