// What one strategy tells of its engines, while they search and in its plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/search/engines.h"
#include "planner/search/pipeline_engines.h"
#include "planner/strategies/plan_request.h"

namespace automap {

// One for each strategy; the request must outlive it.
template <typename OutcomeType>
class SearchReport {
 public:
  using Cost = typename OutcomeType::Cost;

  explicit SearchReport(const PlanRequest& request) : request_(request), reporter_(request) {}

  // What plans are passed on with from now on.
  void SetBound(Seconds lower_bound, std::string proof) {
    lower_bound_ = lower_bound;
    proof_ = std::move(proof);
    is_bound_news_ = true;
  }

  bool HasPlan() const { return best_.has_value(); }
  // What the best plan so far costs, worked out in another way.
  void Restate(const Cost& cost) { best_ = cost; }
  bool IsUsable(const Cost& cost) const { return FitsIn(cost) || request_.options.ignore_memory(); }

  // Passes on a plan when it is usable and, as `problem` compares them, the best so far, or as good
  // as that and the first with its bound. `describe` writes it.
  template <typename Problem, typename Describe>
  void OfPlan(const Cost& cost, const Problem& problem, const Describe& describe) {
    if (!IsUsable(cost)) return;
    const bool is_better = !best_ || problem.IsBetter(cost, *best_);
    if (!is_better && (!is_bound_news_ || problem.IsBetter(*best_, cost))) return;
    best_ = cost;
    is_bound_news_ = false;
    if (!request_.observer->improved_plan) return;
    absl::StatusOr<v1::Plan> plan = describe();
    if (!plan.ok()) return;
    FillBound(lower_bound_, proof_, plan->cost().step_time_s(), *plan->mutable_bound());
    request_.observer->improved_plan(*plan);
  }

  // How far an engine is.
  void OfEngine(const OutcomeType& outcome, bool improved, const EngineBudget& budget) {
    if (!reporter_.IsDue(improved)) return;
    v1::Progress progress;
    progress.set_engine(outcome.engine);
    progress.set_episode(outcome.episodes);
    progress.set_decisions(outcome.decisions);
    progress.set_decisions_total(budget.decisions);
    if (best_) progress.set_best_cost_s(TimeOf(*best_).value);
    progress.set_lower_bound_s(lower_bound_.value);
    reporter_.Send(std::move(progress));
  }

  // The plan's account of the search; its cost is the winner's.
  void Fill(const std::vector<OutcomeType>& outcomes, const OutcomeType& winner,
            v1::Plan& plan) const {
    v1::Plan::Search& search = *plan.mutable_search();
    search.set_engine(winner.engine);
    search.set_preset(request_.preset == Preset::kPaper ? "paper" : "default");
    search.set_seed(request_.options.seed());
    for (const auto& [decisions, time] : winner.curve) {
      v1::Plan::CurvePoint& point = *search.add_curve();
      point.set_decisions(decisions);
      point.set_step_time_s(time.value);
    }
    for (const OutcomeType& outcome : outcomes) {
      if (!outcome.refusal.empty()) {
        v1::Plan::Alternative& none = *plan.add_alternatives();
        none.set_strategy(plan.strategy());
        none.set_summary(absl::StrCat(outcome.engine, " did not run: ", outcome.refusal));
      }
      if (!outcome.found) continue;
      search.set_episodes(search.episodes() + outcome.episodes);
      search.set_decisions(search.decisions() + outcome.decisions);
      v1::Plan::EngineResult& result = *search.add_engines();
      result.set_engine(outcome.engine);
      result.set_step_time_s(&outcome == &winner ? plan.cost().step_time_s()
                                                 : TimeOf(outcome.cost).value);
      result.set_episodes(outcome.episodes);
      result.set_decisions(outcome.decisions);
      result.set_best_return(outcome.best_return);
      result.set_fits(FitsIn(outcome.cost));
      result.set_decisions_to_best(outcome.decisions_to_best);
    }
  }

 private:
  const PlanRequest& request_;
  ProgressReporter reporter_;
  Seconds lower_bound_;
  std::string proof_;
  bool is_bound_news_ = false;
  std::optional<Cost> best_;
};

}  // namespace automap
