#include <algorithm>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/input_dims.h"
#include "planner/oracle/stopped.h"
#include "planner/plan/describe_plan.h"
#include "planner/search/run_once.h"
#include "planner/strategies/search_report.h"
#include "planner/strategies/strategies.h"

namespace automap {
namespace {

using SplitEngine = std::function<absl::StatusOr<EngineOutcome>(
    const SplitProblem&, Preset, const EngineBudget&, const EngineObserver&)>;

class SplitRun final : public StrategyRun {
 public:
  SplitRun(const PlanRequest& request, std::string strategy)
      : request_(request), strategy_(std::move(strategy)) {}

  absl::StatusOr<std::optional<Seconds>> Prove(std::optional<Seconds>) override {
    RETURN_IF_ERROR(ChooseAxis());
    if (task_.problem == nullptr) return std::nullopt;
    if (bound_.is_infeasible) return DoesNotFit();
    report_.SetBound(bound_.lower_bound, bound_.proof);
    if (!HasExact()) return std::nullopt;
    exact_ = ExactOutcome();
    if (request_.preset == Preset::kPaper) return std::nullopt;
    ReportPlan(*exact_);
    report_.OfEngine(*exact_, true, Budget());
    return IsUsable(exact_->cost) ? std::optional(exact_->cost.step_time) : std::nullopt;
  }

  absl::StatusOr<v1::Plan> Learn() override {
    if (task_.problem == nullptr) return SingleDevicePlan();
    RETURN_IF_ERROR(RunEngines());
    const EngineOutcome* winner = Winner();
    if (winner == nullptr && first_ && IsUsable(first_->cost))
      winner = &outcomes_.emplace_back(*first_);
    if (winner == nullptr) {
      return absl::DeadlineExceededError("stopped before the first plan was found");
    }
    if (!IsUsable(winner->cost)) return DoesNotFit();
    ASSIGN_OR_RETURN(v1::Plan plan, Describe(winner->choice));
    FillBound(bound_.lower_bound, bound_.proof, plan.cost().step_time_s(), *plan.mutable_bound());
    report_.Fill(outcomes_, *winner, plan);
    plan.mutable_alternatives()->Add(other_axes_.begin(), other_axes_.end());
    return plan;
  }

 private:
  bool IsUsable(const SplitCost& cost) const { return report_.IsUsable(cost); }

  // Sizes of the last axis: the request's, all devices, or for "opp" every divisor of them.
  std::vector<int32_t> AxisSizes() const {
    const int32_t devices = request_.cluster.device_count();
    const int32_t given = request_.options.axis_size();
    if (strategy_ != "opp" || given > 0 || request_.preset == Preset::kPaper || devices < 2)
      return {given};
    if (request_.quick && !request_.quick->axis_sizes.empty()) return request_.quick->axis_sizes;
    std::vector<int32_t> sizes;
    for (int32_t size = devices; size > 1; --size) {
      if (devices % size == 0) sizes.push_back(size);
    }
    return sizes;
  }

  // Keeps the task whose best choice is the best, and notes the others. A size at which no
  // dimension can be split is no alternative.
  absl::Status ChooseAxis() {
    std::optional<SplitCost> best;
    const bool folds = request_.preset != Preset::kPaper || strategy_ != "opp";
    const std::vector<int32_t> sizes = AxisSizes();
    const auto unpriced = [&](const SplitTask& task) { ReportUnpriced(task); };
    for (const int32_t size : sizes) {
      ASSIGN_OR_RETURN(SplitTask task, MakeSplitTask(*request_.module, request_.cluster,
                                                     {strategy_, size, request_.semantics, folds,
                                                      request_.options.ignore_memory()},
                                                     unpriced));
      if (first_) PriceFirst(*task.problem);
      if (task.problem == nullptr) {
        task_ = std::move(task);
        return absl::OkStatus();
      }
      SplitBound bound = BoundOf(*task.problem, request_.stop);
      const SplitCost cost = QuickCost(*task.problem, bound);
      if (best && !task.problem->IsBetter(cost, *best)) {
        NoteAxis(task, cost);
        continue;
      }
      if (best) NoteAxis(task_, *best);
      best = cost;
      task_ = std::move(task);
      bound_ = std::move(bound);
      if (sizes.size() > 1) ReportEarly(cost);
      if (request_.stop()) break;
    }
    return absl::OkStatus();
  }

  // Before the other sizes are looked into: the first plan at once, without its bound. The paper's
  // preset passes on its own agent's plans only.
  void ReportEarly(const SplitCost& cost) {
    if (bound_.best.empty() || request_.preset == Preset::kPaper || report_.HasPlan()) return;
    report_.SetBound(Seconds{0}, kOpenProof);
    report_.OfPlan(cost, *task_.problem, [&] { return Describe(bound_.best); });
  }

  // The first plan of data parallelism, before it is known what anything costs: whatever goes
  // together, the largest part of the step first.
  void ReportUnpriced(const SplitTask& task) {
    if (strategy_ != "adp" || request_.preset == Preset::kPaper || report_.HasPlan()) return;
    first_.emplace();
    first_->engine = "greedy";
    first_->found = true;
    first_->choice = LargestTogether(*task.problem);
    if (!request_.observer->improved_plan) return;  // what is described tells the cost as well
    const auto plan = Describe(task, first_->choice);
    if (!plan.ok()) return;
    const SplitCost cost = {Seconds{plan->cost().step_time_s()},
                            Bytes{static_cast<double>(plan->cost().peak_memory_bytes())},
                            plan->cost().fits()};
    report_.SetBound(Seconds{0}, kOpenProof);
    report_.OfPlan(cost, *task.problem, [&] { return plan; });
  }

  // As all others are.
  void PriceFirst(const SplitProblem& problem) {
    first_->cost = problem.Cost(first_->choice);
    if (report_.HasPlan()) report_.Restate(first_->cost);
  }

  static std::vector<bool> LargestTogether(const SplitProblem& problem) {
    const auto size = [&](const SplitDecision& decision) {
      return problem.groups().groups[decision.groups.front()].factors.size() *
             decision.groups.size();
    };
    const auto& decisions = problem.decisions();
    std::vector<size_t> order(decisions.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return size(decisions[a]) > size(decisions[b]); });
    std::vector<bool> chosen(decisions.size(), false);
    for (const size_t d : order) {
      const auto& others = decisions[d].conflicts;
      chosen[d] = std::none_of(others.begin(), others.end(), [&](int32_t o) { return chosen[o]; });
    }
    return chosen;
  }

  // Of the exact choice; where there is none, of one greedy episode.
  SplitCost QuickCost(const SplitProblem& problem, const SplitBound& bound) const {
    if (!bound.best.empty() || problem.decisions().empty()) return problem.Cost(bound.best);
    EngineBudget once;
    once.decisions = 1;
    return SearchGreedy(problem, Preset::kDefault, once, {}).cost;
  }

  void NoteAxis(const SplitTask& task, const SplitCost& cost) {
    v1::Plan::Alternative& other = other_axes_.emplace_back();
    other.set_strategy(strategy_);
    const Mesh mesh = task.With(std::vector<bool>(task.problem->decisions().size(), false)).mesh();
    for (const Mesh::Axis& axis : mesh.axes) {
      v1::Plan::MeshAxis& added = *other.add_mesh();
      added.set_name(axis.name);
      added.set_size(axis.size);
    }
    other.mutable_cost()->set_step_time_s(cost.step_time.value);
    other.mutable_cost()->set_fits(cost.fits);
    other.mutable_cost()->set_peak_memory_bytes(static_cast<int64_t>(cost.peak_memory.value));
    other.mutable_cost()->set_memory_limit_bytes(
        static_cast<int64_t>(task.problem->memory_limit().value));
    other.set_summary("another axis size");
  }

  absl::Status DoesNotFit() const {
    const double gib = 1 << 30;
    return absl::FailedPreconditionError(absl::StrFormat(
        "no plan of strategy %s fits in memory: %s, all need at least %.1f GiB per device, %.1f "
        "GiB are there; try more devices or pipeline stages, or --ignore-memory, which plans with "
        "the limit lifted",
        strategy_, bound_.is_infeasible ? "every choice of splits was ruled out" : "none was found",
        bound_.least_memory.value / gib, task_.problem->memory_limit().value / gib));
  }

  EngineBudget Budget() const {
    EngineBudget budget;
    const int64_t length = task_.problem->decisions().size();
    budget.decisions = request_.options.max_decisions();
    if (budget.decisions <= 0) {
      budget.decisions = request_.preset == Preset::kPaper ? std::max<int64_t>(6000, 100 * length)
                                                           : std::max<int64_t>(2000, 60 * length);
    }
    budget.seed = request_.options.seed();
    budget.stop = request_.stop;
    if (request_.stops_at_proof() && bound_.is_reached) budget.reached = bound_.lower_bound;
    return budget;
  }

  absl::Status RunEngines() {
    EngineBudget budget = Budget();
    const EngineObserver observer = [&](const EngineOutcome& outcome, bool improved) {
      if (improved && outcome.found) ReportPlan(outcome);
      report_.OfEngine(outcome, improved, budget);
    };
    if (request_.quick) {
      budget.decisions = 1;  // one episode
      outcomes_.push_back(SearchGreedy(*task_.problem, request_.preset, budget, observer));
    } else {
      RETURN_IF_ERROR(RunEach(budget, observer));
    }
    if (exact_) outcomes_.push_back(*exact_);
    return absl::OkStatus();
  }

  absl::Status RunEach(const EngineBudget& budget, const EngineObserver& observer) {
    const SplitProblem& problem = *task_.problem;
    for (const auto& [name, search] : std::initializer_list<std::pair<const char*, SplitEngine>>{
             {"dqn", SearchDqn}, {"greedy", SearchGreedy}, {"random", SearchRandom}}) {
      const auto run = [&, search = search](const EngineBudget& own) {
        return search(problem, request_.preset, own, observer);
      };
      ASSIGN_OR_RETURN(outcomes_.emplace_back(),
                       RunOnce<EngineOutcome>(
                           request_.journal,
                           absl::StrCat(strategy_, "/", problem.options().axis_size, "/", name),
                           problem, budget, observer, run));
    }
    return absl::OkStatus();
  }

  // The proven best, or the best that branch and bound had when it was stopped.
  bool HasExact() const {
    return bound_.is_reached || (bound_.proof == kStoppedProof && !bound_.best.empty() &&
                                 IsUsable(task_.problem->Cost(bound_.best)));
  }

  EngineOutcome ExactOutcome() const {
    EngineOutcome outcome;
    outcome.engine = "exact";
    outcome.found = true;
    outcome.choice = bound_.best;
    outcome.cost = task_.problem->Cost(bound_.best);
    return outcome;
  }

  // The best plan of all engines; among equals the first. The paper's preset reports its own agent.
  const EngineOutcome* Winner() const {
    const EngineOutcome* winner = nullptr;
    for (const EngineOutcome& outcome : outcomes_) {
      if (!outcome.found) continue;
      if (winner == nullptr || IsClearlyBetter(outcome.cost, winner->cost)) winner = &outcome;
      if (request_.preset == Preset::kPaper) break;
    }
    return winner;
  }

  // Sums in another order differ in the last bits; that is no improvement.
  bool IsClearlyBetter(const SplitCost& a, const SplitCost& b) const {
    const bool same_time = std::abs(a.step_time / b.step_time - 1) < 1e-9;
    return task_.problem->IsBetter(a, b) &&
           !(same_time && a.fits == b.fits && a.peak_memory == b.peak_memory);
  }

  absl::StatusOr<v1::Plan> Describe(const std::vector<bool>& chosen) const {
    return Describe(task_, chosen);
  }
  absl::StatusOr<v1::Plan> Describe(const SplitTask& task, const std::vector<bool>& chosen) const {
    ASSIGN_OR_RETURN(v1::Plan plan, DescribePlan(*request_.module, request_.cluster_proto,
                                                 task.With(chosen), request_.semantics_proto()));
    if (strategy_ == "adp" && task.problem != nullptr)
      FillInputDims(*request_.module, *task.problem, chosen, plan);
    return plan;
  }

  absl::StatusOr<v1::Plan> SingleDevicePlan() const {
    ASSIGN_OR_RETURN(v1::Plan plan, Describe({}));
    plan.mutable_bound()->set_lower_bound_s(plan.cost().step_time_s());
    plan.mutable_bound()->set_gap(0);
    plan.mutable_bound()->set_proof("a single device: nothing to decide");
    plan.mutable_search()->set_preset(request_.options.preset());
    plan.mutable_search()->set_seed(request_.options.seed());
    return plan;
  }

  // Passes on a plan that is the best so far.
  void ReportPlan(const EngineOutcome& outcome) {
    report_.OfPlan(outcome.cost, *task_.problem, [&] { return Describe(outcome.choice); });
  }

  const PlanRequest request_;
  const std::string strategy_;
  SplitTask task_;
  std::vector<v1::Plan::Alternative> other_axes_;
  std::optional<EngineOutcome> first_;  // passed on before it was priced
  SplitBound bound_;
  std::optional<EngineOutcome> exact_;
  std::vector<EngineOutcome> outcomes_;
  SearchReport<EngineOutcome> report_{request_};
};

}  // namespace

std::unique_ptr<StrategyRun> StartDataParallelism(const PlanRequest& request) {
  // Every loss is a sum over the batch: the paper's rule about sums is one for variables.
  PlanRequest own = request;
  own.semantics.paper_rule = false;
  return std::make_unique<SplitRun>(own, "adp");
}

std::unique_ptr<StrategyRun> StartOperators(const PlanRequest& request) {
  return std::make_unique<SplitRun>(request, "opp");
}

}  // namespace automap
