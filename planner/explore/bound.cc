#include "planner/explore/bound.h"

#include <algorithm>
#include <numeric>

#include "planner/explore/split_memory.h"
#include "planner/oracle/best_choice.h"
#include "planner/oracle/stopped.h"

namespace automap {
namespace {

constexpr size_t kMaxEnumerated = 16;
constexpr int64_t kMaxChoiceNodes = 1'000'000;

SplitBound Enumerate(const SplitProblem& problem, const std::function<bool()>& stop) {
  const auto& decisions = problem.decisions();
  SplitBound bound;
  bound.lower_bound = problem.base_time();
  bound.best.assign(decisions.size(), false);
  bound.is_reached = true;
  bound.proof = "exhaustive over all combinations of groups";
  for (uint32_t bits = 1; bits < (uint32_t{1} << decisions.size()); ++bits) {
    if (stop()) break;
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

// Without memory.
SplitBound FastestOf(const SplitProblem& problem, const std::function<bool()>& stop) {
  const auto& decisions = problem.decisions();
  if (!problem.is_additive()) {
    if (decisions.size() <= kMaxEnumerated) return Enumerate(problem, stop);
    SplitBound none;
    none.proof = "none: groups overlap and are too many to enumerate";
    return none;
  }
  std::vector<double> gains;
  std::vector<std::vector<int32_t>> conflicts;
  for (const SplitDecision& decision : decisions) {
    gains.push_back(decision.gain.value);
    conflicts.push_back(decision.conflicts);
  }
  const Choice choice = BestChoice(gains, conflicts, kMaxChoiceNodes, stop);
  SplitBound bound;
  bound.lower_bound = problem.base_time() - Seconds{choice.upper_bound};
  bound.best = choice.chosen;
  bound.is_reached = choice.is_proved;
  bound.proof = choice.is_proved ? "exhaustive over linkage groups"
                                 : "relaxation of the conflicts among linkage groups";
  return bound;
}

// Depth first, decisions by the memory that they save; split before left whole.
class FittingSearch {
 public:
  FittingSearch(const SplitProblem& problem, const std::function<bool()>& stop)
      : problem_(problem),
        stop_(stop),
        decisions_(problem.decisions()),
        memory_(problem, true),
        least_memory_(problem, false),
        chosen_(decisions_.size(), false),
        blocked_(decisions_.size(), 0),
        order_(decisions_.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) {
      return decisions_[a].memory > decisions_[b].memory;
    });
  }

  void Run() { Visit(0); }
  bool is_complete() const { return nodes_ < kMaxFittingNodes; }
  const std::vector<bool>& best() const { return best_; }
  Seconds best_time() const { return best_time_; }

 private:
  void Visit(size_t index) {
    if (++nodes_ >= kMaxFittingNodes) return;
    if (stop_()) nodes_ = kMaxFittingNodes;
    if (nodes_ >= kMaxFittingNodes) return;
    if (!best_.empty() && !(LeastTime(index) < best_time_)) return;
    if (index == order_.size()) {
      if (memory_.Peak(chosen_) > problem_.memory_limit()) return;
      best_ = chosen_;
      best_time_ = problem_.StepTime(chosen_);
      return;
    }
    // All that may still be split is: no choice below needs less.
    std::vector<bool> most = chosen_;
    for (size_t i = index; i < order_.size(); ++i) most[order_[i]] = blocked_[order_[i]] == 0;
    if (least_memory_.Peak(most) > problem_.memory_limit()) return;
    const int32_t decision = order_[index];
    if (blocked_[decision] == 0) {
      Choose(decision, true);
      Visit(index + 1);
      Choose(decision, false);
    }
    Visit(index + 1);
  }

  void Choose(int32_t decision, bool split) {
    chosen_[decision] = split;
    for (const int32_t other : decisions_[decision].conflicts) blocked_[other] += split ? 1 : -1;
  }

  // Every gain that is still possible is had.
  Seconds LeastTime(size_t index) const {
    Seconds time = problem_.StepTime(chosen_);
    for (size_t i = index; i < order_.size(); ++i) {
      const Seconds gain = decisions_[order_[i]].gain;
      if (blocked_[order_[i]] == 0 && gain.value > 0) time -= gain;
    }
    return time;
  }

  static constexpr int64_t kMaxFittingNodes = 6000;
  const SplitProblem& problem_;
  const std::function<bool()>& stop_;
  const std::vector<SplitDecision>& decisions_;
  SplitMemory memory_, least_memory_;
  std::vector<bool> chosen_, best_;
  std::vector<int32_t> blocked_;
  std::vector<int32_t> order_;
  Seconds best_time_;
  int64_t nodes_ = 0;
};

// What is left of a bound whose search was stopped.
SplitBound Stopped(SplitBound bound) {
  bound.lower_bound = {0};
  bound.is_reached = bound.is_infeasible = false;
  bound.proof = kStoppedProof;
  return bound;
}

}  // namespace

SplitBound BoundOf(const SplitProblem& problem, const std::function<bool()>& stop) {
  bool is_stopped = false;
  const std::function<bool()> look = [&] { return is_stopped = is_stopped || (stop && stop()); };
  SplitBound bound = FastestOf(problem, look);
  const size_t count = problem.decisions().size();
  bound.least_memory = problem.LeastMemory(std::vector<bool>(count, true));
  if (is_stopped) return Stopped(std::move(bound));
  const bool fits = problem.options().ignore_memory ||
                    (!bound.best.empty() && problem.Cost(bound.best).fits) ||
                    (count == 0 && problem.Cost({}).fits);
  if (fits || !problem.is_additive()) {
    if (!fits) bound.is_reached = false;
    return bound;
  }
  FittingSearch search(problem, look);
  search.Run();
  bound.best = search.best();
  if (is_stopped) return Stopped(std::move(bound));
  bound.is_reached = search.is_complete() && !search.best().empty();
  bound.is_infeasible = search.is_complete() && search.best().empty();
  if (bound.is_reached) {
    bound.lower_bound = search.best_time();
    bound.proof = "exhaustive over linkage groups, memory included";
  } else {
    bound.proof += ", memory left out";
  }
  return bound;
}

}  // namespace automap
