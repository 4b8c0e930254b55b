#include "planner/plan_module.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/explore_splits.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "planner/search/engines.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

constexpr double kProgressInterval = 0.1;  // seconds between progress reports

struct Request {
  const PreparedModule& module;
  const v1::Cluster& cluster_proto;
  const Cluster& cluster;
  const v1::PlanOptions& options;
  const PlanObserver& observer;
  const std::function<bool()>& stop;
  Preset preset = Preset::kDefault;
  Semantics semantics = {};
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void FillBound(const SplitBound& bound, double step_time, v1::Plan::Bound& message) {
  // The bound sums gains, the plan sums steps: equal up to rounding.
  const bool is_equal = std::abs(step_time - bound.lower_bound.value) <= 1e-9 * step_time;
  message.set_lower_bound_s(is_equal ? step_time : bound.lower_bound.value);
  if (bound.lower_bound.value > 0)
    message.set_gap(is_equal ? 0.0 : (step_time - bound.lower_bound.value) / step_time);
  message.set_proof(bound.proof);
}

// Explores one strategy to a finished plan.
class SplitExploration {
 public:
  SplitExploration(const Request& request, std::string strategy)
      : request_(request), strategy_(std::move(strategy)) {}

  absl::StatusOr<v1::Plan> Run() {
    const bool is_paper = request_.preset == Preset::kPaper;
    ASSIGN_OR_RETURN(task_,
                     MakeSplitTask(request_.module, request_.cluster,
                                   {strategy_, request_.options.axis_size(), request_.semantics,
                                    !is_paper, request_.options.ignore_memory()}));
    if (task_.problem == nullptr) return SingleDevicePlan();
    bound_ = BoundOf(*task_.problem);
    RETURN_IF_ERROR(Search());
    const EngineOutcome* winner = Winner();
    if (winner == nullptr) {
      return absl::DeadlineExceededError("stopped before the first plan was found");
    }
    ASSIGN_OR_RETURN(v1::Plan plan, Describe(winner->chosen));
    FillBound(bound_, plan.cost().step_time_s(), *plan.mutable_bound());
    FillSearch(*winner, plan);
    return plan;
  }

 private:
  absl::Status Search() {
    const SplitProblem& problem = *task_.problem;
    EngineBudget budget;
    const int64_t length = problem.decisions().size();
    budget.decisions = request_.options.max_decisions();
    if (budget.decisions <= 0) {
      budget.decisions = request_.preset == Preset::kPaper ? std::max<int64_t>(6000, 100 * length)
                                                           : std::max<int64_t>(2000, 60 * length);
    }
    budget.seed = request_.options.seed();
    budget.stop = request_.stop;
    const EngineObserver observer = [&](const EngineOutcome& outcome, bool improved) {
      Report(outcome, improved, budget);
    };
    ASSIGN_OR_RETURN(EngineOutcome dqn, SearchDqn(problem, request_.preset, budget, observer));
    outcomes_.push_back(std::move(dqn));
    outcomes_.push_back(SearchGreedy(problem, request_.preset, budget, observer));
    outcomes_.push_back(SearchRandom(problem, request_.preset, budget, observer));
    if (bound_.is_reached) outcomes_.push_back(ExactOutcome());
    return absl::OkStatus();
  }

  EngineOutcome ExactOutcome() const {
    EngineOutcome outcome;
    outcome.engine = "exact";
    outcome.found = true;
    outcome.chosen = bound_.best;
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
    v1::Plan::Semantics semantics;
    SetSemantics(request_.semantics, semantics);
    semantics.set_ignore_memory(request_.options.ignore_memory());
    *semantics.mutable_roles() = request_.options.roles();
    return DescribePlan(request_.module, request_.cluster_proto, task_.With(chosen), semantics);
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

  void FillSearch(const EngineOutcome& winner, v1::Plan& plan) const {
    v1::Plan::Search& search = *plan.mutable_search();
    search.set_engine(winner.engine);
    search.set_preset(request_.preset == Preset::kPaper ? "paper" : "default");
    search.set_seed(request_.options.seed());
    search.set_wall_s(SecondsSince(start_));
    for (const auto& [decisions, time] : winner.curve) {
      v1::Plan::CurvePoint& point = *search.add_curve();
      point.set_decisions(decisions);
      point.set_step_time_s(time.value);
    }
    for (const EngineOutcome& outcome : outcomes_) {
      search.set_episodes(search.episodes() + outcome.episodes);
      search.set_decisions(search.decisions() + outcome.decisions);
      if (!outcome.found) continue;
      v1::Plan::EngineResult& result = *search.add_engines();
      result.set_engine(outcome.engine);
      result.set_step_time_s(&outcome == &winner ? plan.cost().step_time_s()
                                                 : outcome.cost.step_time.value);
      result.set_episodes(outcome.episodes);
      result.set_decisions(outcome.decisions);
      result.set_best_return(outcome.best_return);
      result.set_fits(outcome.cost.fits);
      result.set_decisions_to_best(outcome.decisions_to_best);
    }
  }

  void Report(const EngineOutcome& outcome, bool improved, const EngineBudget& budget) {
    if (improved && outcome.found &&
        (!reported_ || task_.problem->IsBetter(outcome.cost, *reported_))) {
      reported_ = outcome.cost;
      if (request_.observer.improved_plan) {
        if (const auto plan = Describe(outcome.chosen); plan.ok())
          request_.observer.improved_plan(*plan);
      }
    }
    const double elapsed = SecondsSince(start_);
    if (!request_.observer.progress || (elapsed < next_report_ && !improved)) return;
    next_report_ = elapsed + kProgressInterval;
    v1::Progress progress;
    progress.set_phase(v1::Progress::SEARCHING);
    progress.set_engine(outcome.engine);
    progress.set_episode(outcome.episodes);
    progress.set_decisions(outcome.decisions);
    progress.set_decisions_total(budget.decisions);
    if (reported_) progress.set_best_cost_s(reported_->step_time.value);
    progress.set_lower_bound_s(bound_.lower_bound.value);
    if (reported_ && bound_.lower_bound.value > 0) {
      progress.set_gap(std::max(0.0, 1 - bound_.lower_bound / reported_->step_time));
    }
    if (engine_ != outcome.engine) engine_ = outcome.engine, engine_start_ = elapsed;
    if (elapsed > engine_start_)
      progress.set_decisions_per_second(outcome.decisions / (elapsed - engine_start_));
    progress.set_elapsed_s(elapsed);
    request_.observer.progress(progress);
  }

  const Request& request_;
  const std::string strategy_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  SplitTask task_;
  SplitBound bound_;
  std::vector<EngineOutcome> outcomes_;
  std::optional<SplitCost> reported_;
  double next_report_ = 0;
  std::string engine_;
  double engine_start_ = 0;
};

absl::StatusOr<std::vector<std::string>> Strategies(const std::string& strategy) {
  if (strategy.empty() || strategy == "auto") return std::vector<std::string>{"opp", "adp"};
  if (strategy == "opp" || strategy == "adp") return std::vector<std::string>{strategy};
  if (strategy == "pp" || strategy == "hybrid") {
    return absl::UnimplementedError(absl::StrCat("options.strategy: \"", strategy,
                                                 "\" is not built yet; use auto, opp or adp"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("options.strategy: \"", strategy, "\", must be auto, adp, opp, pp or hybrid"));
}

absl::StatusOr<Preset> PresetFromName(const std::string& name) {
  if (name.empty() || name == "default") return Preset::kDefault;
  if (name == "paper") return Preset::kPaper;
  return absl::InvalidArgumentError(
      absl::StrCat("options.preset: \"", name, "\", must be default or paper"));
}

// Fits before not; then the shorter step; among plans that do not fit, the smaller one.
bool IsBetter(const v1::Plan::Cost& a, const v1::Plan::Cost& b, bool ignore_memory) {
  if (!ignore_memory && a.fits() != b.fits()) return a.fits();
  if (ignore_memory || a.fits()) return a.step_time_s() < b.step_time_s();
  return a.peak_memory_bytes() < b.peak_memory_bytes();
}

void AddAlternative(const v1::Plan& other, v1::Plan& plan) {
  v1::Plan::Alternative& alternative = *plan.add_alternatives();
  alternative.set_strategy(other.strategy());
  *alternative.mutable_mesh() = other.mesh();
  *alternative.mutable_cost() = other.cost();
  alternative.set_summary(absl::StrCat("found by ", other.search().engine()));
}

void ReportPhase(const PlanObserver& observer, v1::Progress::Phase phase) {
  if (!observer.progress) return;
  v1::Progress progress;
  progress.set_phase(phase);
  observer.progress(progress);
}

}  // namespace

absl::StatusOr<v1::Plan> PlanModule(absl::string_view bytes, const v1::Cluster& cluster_proto,
                                    const v1::PlanOptions& options, const PlanObserver& observer,
                                    const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(const Preset preset, PresetFromName(options.preset()));
  Semantics of_preset;
  of_preset.paper_rule = preset == Preset::kPaper;
  ASSIGN_OR_RETURN(const Semantics semantics, AllowedSemantics(options.allow(), of_preset));
  ASSIGN_OR_RETURN(const std::vector<std::string> strategies, Strategies(options.strategy()));
  ASSIGN_OR_RETURN(const Cluster cluster, ClusterFromProto(cluster_proto));
  if (options.axis_size() < 0 ||
      (options.axis_size() > 0 && cluster.device_count() % options.axis_size() != 0)) {
    return absl::InvalidArgumentError(absl::StrCat("options.axis_size: ", options.axis_size(),
                                                   ", must divide the number of devices, ",
                                                   cluster.device_count()));
  }
  ReportPhase(observer, v1::Progress::READING);
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, options.roles()));
  ReportPhase(observer, v1::Progress::PROPAGATING);
  const Request request = {*module,  cluster_proto, cluster, options,
                           observer, stop,          preset,  semantics};
  std::optional<v1::Plan> best;
  absl::Status refusal;
  for (const std::string& strategy : strategies) {
    auto plan = SplitExploration(request, strategy).Run();
    if (!plan.ok()) {
      if (refusal.ok()) refusal = plan.status();
      continue;
    }
    if (best && !IsBetter(plan->cost(), best->cost(), options.ignore_memory())) {
      AddAlternative(*plan, *best);
      continue;
    }
    if (best) AddAlternative(*best, *plan);
    best = *std::move(plan);
  }
  if (!best) return refusal;
  return *std::move(best);
}

}  // namespace automap
