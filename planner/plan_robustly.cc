#include "planner/plan_robustly.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/plan/describe_plan.h"
#include "planner/simulate_module_plan.h"
#include "simulator/cluster/perturbed.h"

namespace automap {
namespace {

constexpr double kOff = 0.2;

// What a plan decides, without what it costs and how it was found.
std::string DecisionsText(const v1::Plan& plan) {
  v1::Plan decided;
  decided.set_strategy(plan.strategy());
  *decided.mutable_mesh() = plan.mesh();
  *decided.mutable_shardings() = plan.shardings();
  *decided.mutable_stages() = plan.stages();
  decided.set_micro_batches(plan.micro_batches());
  return decided.SerializeAsString();
}

struct Candidate {
  v1::Plan plan;
  std::vector<double> times;  // by scenario
  double regret = 0;          // worst time over the best of all candidates
};

std::vector<v1::Cluster> Scenarios(const v1::Cluster& cluster) {
  std::vector<v1::Cluster> scenarios = {cluster};
  for (const double factor : {1 - kOff, 1 + kOff}) {
    scenarios.push_back(Perturbed(cluster, factor, 1));
    scenarios.push_back(Perturbed(cluster, 1, factor));
  }
  return scenarios;
}

// Prices every candidate in every scenario, and fills in the regrets. Where a pipeline's cut is no
// place to cut under other efficiencies, the scenario tells nothing and is left out; a candidate
// that is none for the cluster as it is goes.
void Price(absl::string_view bytes, const std::vector<v1::Cluster>& scenarios,
           std::vector<Candidate>& candidates) {
  const auto time_of = [&](const Candidate& candidate, const v1::Cluster& scenario) {
    const auto simulation = SimulateModulePlan(bytes, scenario, candidate.plan);
    return simulation.ok() ? simulation->cost.step_time_s() : 0.0;
  };
  for (size_t s = 0; s < scenarios.size(); ++s) {
    for (Candidate& candidate : candidates)
      candidate.times.push_back(time_of(candidate, scenarios[s]));
    if (s > 0) continue;
    candidates.erase(std::remove_if(candidates.begin() + 1, candidates.end(),
                                    [](const Candidate& other) { return other.times[0] <= 0; }),
                     candidates.end());
  }
  for (size_t s = 0; s < scenarios.size(); ++s) {
    double best = candidates.front().times[s];
    for (const Candidate& candidate : candidates) best = std::min(best, candidate.times[s]);
    if (best <= 0) continue;
    for (Candidate& candidate : candidates)
      candidate.regret = std::max(candidate.regret, candidate.times[s] / best - 1);
  }
}

// The options under which a search answers what the plan decides.
v1::PlanOptions OptionsOf(const v1::Plan& plan, v1::PlanOptions options) {
  options.set_strategy(plan.strategy());
  if (plan.strategy() == "opp") options.set_axis_size(plan.mesh(plan.mesh_size() - 1).size());
  if (plan.strategy() == "pp") {
    options.set_stages(plan.stages_size());
    options.set_micro_batches(plan.micro_batches());
  }
  return options;
}

// The chosen plan on the cluster as it is, with the bound and the engines of a search there.
absl::StatusOr<v1::Plan> Described(absl::string_view bytes, const v1::Cluster& cluster,
                                   const v1::PlanOptions& options,
                                   const std::vector<Candidate>& candidates,
                                   const Candidate& chosen, const std::function<bool()>& stop,
                                   SearchJournal* journal) {
  v1::Plan decided = chosen.plan;
  decided.mutable_semantics()->set_robust(true);
  ASSIGN_OR_RETURN(const PlanSimulation simulation, SimulateModulePlan(bytes, cluster, decided));
  ASSIGN_OR_RETURN(const v1::Plan searched, PlanModule(bytes, cluster, OptionsOf(decided, options),
                                                       PlanObserver(), stop, journal));
  v1::Plan plan = simulation.plan;
  const double time = plan.cost().step_time_s();
  *plan.mutable_bound() = searched.bound();
  if (plan.bound().has_gap())
    plan.mutable_bound()->set_gap((time - plan.bound().lower_bound_s()) / time);
  *plan.mutable_search() = searched.search();
  plan.mutable_search()->set_engine("robust");
  v1::Plan::EngineResult& row = *plan.mutable_search()->add_engines();
  row.set_engine("robust");
  row.set_step_time_s(time);
  row.set_fits(plan.cost().fits());
  const v1::Plan& fastest = candidates.front().plan;
  v1::Plan::Alternative& other = *plan.add_alternatives();
  other.set_strategy(fastest.strategy());
  *other.mutable_mesh() = fastest.mesh();
  *other.mutable_cost() = fastest.cost();
  other.set_summary(
      absl::StrFormat("fastest as predicted, but up to %.1f %% behind when the prediction is off "
                      "by 20 %%; the plan "
                      "chosen at most %.1f %%",
                      100 * candidates.front().regret, 100 * chosen.regret));
  FillWinProbability(plan);
  return plan;
}

}  // namespace

absl::StatusOr<v1::Plan> PlanRobustly(absl::string_view bytes, const v1::Cluster& cluster,
                                      const v1::PlanOptions& options, const PlanObserver& observer,
                                      const std::function<bool()>& stop, SearchJournal* journal) {
  v1::PlanOptions plain = options;
  plain.set_robust(false);
  const std::vector<v1::Cluster> scenarios = Scenarios(cluster);
  std::vector<Candidate> candidates;
  for (const v1::Cluster& scenario : scenarios) {
    const bool is_first = candidates.empty();
    auto plan =
        PlanModule(bytes, scenario, plain, is_first ? observer : PlanObserver(), stop, journal);
    if (is_first && !plan.ok()) return plan.status();
    if (!plan.ok() || plan->cost().fits() !=
                          (is_first ? plan->cost().fits() : candidates.front().plan.cost().fits()))
      continue;
    const std::string text = DecisionsText(*plan);
    const bool is_known =
        std::any_of(candidates.begin(), candidates.end(),
                    [&](const Candidate& other) { return DecisionsText(other.plan) == text; });
    if (!is_known) candidates.push_back({*std::move(plan), {}, 0});
  }
  Price(bytes, scenarios, candidates);
  const Candidate* chosen = &candidates.front();
  for (const Candidate& candidate : candidates) {
    if (candidate.regret < chosen->regret - 1e-9) chosen = &candidate;
  }
  if (chosen != &candidates.front())
    return Described(bytes, cluster, plain, candidates, *chosen, stop, journal);
  v1::Plan plan = candidates.front().plan;
  plan.mutable_semantics()->set_robust(true);
  return plan;
}

}  // namespace automap
