#include "planner/plan_robustly.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/explore/pipeline/step_costs.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan_strategies.h"
#include "simulator/cluster/cluster_proto.h"
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
  std::vector<double> times;  // by scenario; 0: it cannot be priced there
  double regret = 0;          // worst time over the best of all candidates
};

// The cluster off by something, and the module with its measured times on it.
class Scenario {
 public:
  static absl::StatusOr<Scenario> Create(const PlanRequest& request, double bandwidth,
                                         double efficiency) {
    Scenario scenario;
    scenario.proto_ = Perturbed(request.cluster_proto, bandwidth, efficiency);
    ASSIGN_OR_RETURN(scenario.cluster_, ClusterFromProto(scenario.proto_));
    scenario.module_ = request.module;
    scenario.facts_ = request.facts;
    // Measured times stay what they are whatever the efficiency.
    if (request.module != nullptr && !request.options.profile().empty()) {
      ASSIGN_OR_RETURN(scenario.own_module_, PreparedModule::CreateWithProfile(
                                                 request.bytes, request.options.roles(),
                                                 request.options.profile(), scenario.cluster_));
      scenario.module_ = scenario.own_module_.get();
      scenario.facts_ = std::make_shared<StepFacts>(*scenario.module_);
    }
    return scenario;
  }

  absl::StatusOr<v1::Plan> Plan(const PlanRequest& request, const v1::PlanOptions& options,
                                const PlanRequest::Narrow& narrow) const {
    const PlanObserver nobody;
    PlanRequest own = {module_,        request.profile,   request.profile_sha256,
                       proto_,         cluster_,          options,
                       &nobody,        request.stop,      nullptr,
                       request.preset, request.semantics, request.bytes,
                       narrow};
    own.facts = facts_;
    return PlanStrategies(own);
  }

  const v1::Cluster& proto() const { return proto_; }
  const Cluster& cluster() const { return cluster_; }
  const PreparedModule* module() const { return module_; }

  // The chain for so many micro-batches; null where there is none.
  const LayerChain* Chain(const PlanRequest& request, int32_t micro_batches) {
    const auto [found, is_new] = chains_.try_emplace(micro_batches);
    if (is_new && request.profile != nullptr) {
      found->second = ChainOfMicroBatches(*request.profile, micro_batches);
    } else if (is_new) {
      const auto costs = StepCosts::Create(*facts_, cluster_, micro_batches);
      if (costs.ok()) found->second = (*costs)->Chain();
    }
    return found->second ? &*found->second : nullptr;
  }

 private:
  v1::Cluster proto_;
  Cluster cluster_;
  const PreparedModule* module_ = nullptr;
  std::shared_ptr<const PreparedModule> own_module_;
  std::shared_ptr<StepFacts> facts_;  // of the module
  std::map<int32_t, std::optional<LayerChain>> chains_;
};

// What may win when everything is off by so much. A plan's time changes by a factor between 1/1.2
// and 1/0.8 and each to the same side, so what is 25 % behind stays behind. Of pipelines half, as
// many and twice as many micro-batches are tried.
PlanRequest::Narrow WhatMayWin(const v1::Plan& fastest) {
  PlanRequest::Narrow narrow;
  const double limit = fastest.cost().step_time_s() / (1 - kOff);
  const auto add = [&](const std::string& strategy) {
    auto& all = narrow.strategies;
    if (std::find(all.begin(), all.end(), strategy) == all.end()) all.push_back(strategy);
  };
  const auto add_axis = [&](const auto& plan) {
    if ((plan.strategy() == "opp" || plan.strategy() == "hybrid") && plan.mesh_size() > 0)
      narrow.axis_sizes.push_back(plan.mesh(plan.mesh_size() - 1).size());
  };
  add(fastest.stages_size() == 1 && fastest.mesh_size() == 0 ? "pp" : fastest.strategy());
  add_axis(fastest);
  for (const v1::Plan::Alternative& other : fastest.alternatives()) {
    const v1::Plan::Cost& cost = other.cost();
    if (cost.step_time_s() <= 0 || cost.step_time_s() >= limit ||
        cost.fits() != fastest.cost().fits())
      continue;
    add(other.strategy());
    add_axis(other);
  }
  const int32_t micro_batches = fastest.micro_batches();
  if (fastest.stages_size() > 0 && micro_batches > 0)
    narrow.micro_batches = {micro_batches / 2, micro_batches, 2 * micro_batches};
  return narrow;
}

absl::StatusOr<std::vector<Scenario>> Scenarios(const PlanRequest& request) {
  std::vector<Scenario> scenarios;
  const std::pair<double, double> factors[] = {
      {1, 1}, {1 - kOff, 1}, {1, 1 - kOff}, {1 + kOff, 1}, {1, 1 + kOff}};
  for (const auto& [bandwidth, efficiency] : factors) {
    ASSIGN_OR_RETURN(Scenario scenario, Scenario::Create(request, bandwidth, efficiency));
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

// Seconds of a plan's step, 0 where it cannot be priced: a pipeline's cut may be no place to cut
// under other efficiencies.
class PlanPricer {
 public:
  PlanPricer(const PlanRequest& request, const v1::Plan& plan) : request_(request), plan_(plan) {}

  double Price(Scenario& scenario) {
    return plan_.stages_size() > 0 ? PriceStages(scenario) : PriceSplits(scenario);
  }

 private:
  double PriceStages(Scenario& scenario) const {
    const int32_t micro_batches = std::max(1, plan_.micro_batches());
    absl::StatusOr<PlannedChain> own;  // with splits
    const LayerChain* chain = nullptr;
    if (plan_.mesh_size() > 0) {
      own = ChainOfPlan(*scenario.module(), scenario.cluster(), plan_);
      if (own.ok()) chain = &own->chain;
    } else {
      chain = scenario.Chain(request_, micro_batches);
    }
    if (chain == nullptr) return 0;
    const PipelineProblem problem(*chain, scenario.cluster(),
                                  {plan_.stages_size(), micro_batches, true});
    if (!problem.Check().ok()) return 0;
    const auto cuts = CutsOf(problem, plan_);
    return cuts.ok() ? problem.SimulatedCost(*cuts).length.value : 0;
  }

  // What runs is the same in all scenarios that share the module.
  double PriceSplits(const Scenario& scenario) {
    if (lowered_ != scenario.module() && !Lower(*scenario.module())) return 0;
    const auto model = CostModel::Create(scenario.cluster(), mesh_);
    return model.ok() ? model->Evaluate(program_).step_time.value : 0;
  }

  bool Lower(const PreparedModule& module) {
    const auto decisions = DecisionsOf(module, plan_);
    if (!decisions.ok()) return false;
    const auto applied = AppliedDecisions::Create(module, *decisions);
    if (!applied.ok()) return false;
    mesh_ = decisions->mesh();
    program_ = module.lowering().Lower(applied->axes());
    lowered_ = &module;
    return true;
  }

  const PlanRequest& request_;
  const v1::Plan& plan_;
  const PreparedModule* lowered_ = nullptr;
  Mesh mesh_;
  Program program_;
};

// Prices every candidate in every scenario, and fills in the regrets. A candidate that is none for
// the cluster as it is goes; a scenario in which one cannot be priced says nothing of it.
void Price(const PlanRequest& request, std::vector<Scenario>& scenarios,
           std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates) {
    PlanPricer pricer(request, candidate.plan);
    for (Scenario& scenario : scenarios) candidate.times.push_back(pricer.Price(scenario));
  }
  candidates.erase(std::remove_if(candidates.begin() + 1, candidates.end(),
                                  [](const Candidate& other) { return other.times[0] <= 0; }),
                   candidates.end());
  for (size_t s = 0; s < scenarios.size(); ++s) {
    double best = 0;
    for (const Candidate& candidate : candidates) {
      const double time = candidate.times[s];
      if (time > 0 && (best == 0 || time < best)) best = time;
    }
    if (best <= 0) continue;
    for (Candidate& candidate : candidates)
      candidate.regret = std::max(candidate.regret, candidate.times[s] / best - 1);
  }
}

// The options under which a search answers what the plan decides.
v1::PlanOptions OptionsOf(const v1::Plan& plan, v1::PlanOptions options) {
  options.set_strategy(plan.strategy());
  if (plan.mesh_size() > 0 && plan.strategy() != "adp")
    options.set_axis_size(plan.mesh(plan.mesh_size() - 1).size());
  if (plan.stages_size() > 0) {
    options.set_stages(plan.stages_size());
    options.set_micro_batches(plan.micro_batches());
  }
  return options;
}

absl::StatusOr<v1::Plan> Describe(const PlanRequest& request, Scenario& as_it_is,
                                  const v1::Plan& plan) {
  if (plan.stages_size() == 0) {
    ASSIGN_OR_RETURN(const Decisions decisions, DecisionsOf(*request.module, plan));
    return DescribePlan(*request.module, request.cluster_proto, decisions, plan.semantics());
  }
  const int32_t micro_batches = std::max(1, plan.micro_batches());
  PlannedChain planned;
  if (request.module != nullptr) {
    ASSIGN_OR_RETURN(planned, ChainOfPlan(*request.module, request.cluster, plan));
  } else {
    planned.chain = *as_it_is.Chain(request, micro_batches);
  }
  const PipelineProblem problem(planned.chain, request.cluster,
                                {plan.stages_size(), micro_batches, true});
  ASSIGN_OR_RETURN(const PipelineCuts cuts, CutsOf(problem, plan));
  return DescribePipelinePlan(request.module, request.profile_sha256, request.cluster_proto,
                              problem, cuts, plan.semantics(), planned.splits());
}

// The chosen plan on the cluster as it is, with the bound and the engines of a quick search there.
absl::StatusOr<v1::Plan> Described(const PlanRequest& request, Scenario& as_it_is,
                                   const std::vector<Candidate>& candidates,
                                   const Candidate& chosen) {
  v1::Plan decided = chosen.plan;
  decided.mutable_semantics()->set_robust(true);
  ASSIGN_OR_RETURN(v1::Plan plan, Describe(request, as_it_is, decided));
  ASSIGN_OR_RETURN(
      const v1::Plan searched,
      as_it_is.Plan(request, OptionsOf(decided, request.options), {{decided.strategy()}, {}, {}}));
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

absl::StatusOr<v1::Plan> PlanRobustly(const PlanRequest& request) {
  ASSIGN_OR_RETURN(v1::Plan fastest, PlanStrategies(request));
  const bool fits = fastest.cost().fits();
  const PlanRequest::Narrow narrow = WhatMayWin(fastest);
  std::vector<Candidate> candidates = {{std::move(fastest), {}, 0}};
  ASSIGN_OR_RETURN(std::vector<Scenario> scenarios, Scenarios(request));
  for (size_t s = 1; s < scenarios.size(); ++s) {
    auto plan = scenarios[s].Plan(request, request.options, narrow);
    if (!plan.ok() || plan->cost().fits() != fits) continue;
    const std::string text = DecisionsText(*plan);
    const bool is_known =
        std::any_of(candidates.begin(), candidates.end(),
                    [&](const Candidate& other) { return DecisionsText(other.plan) == text; });
    if (!is_known) candidates.push_back({*std::move(plan), {}, 0});
  }
  Price(request, scenarios, candidates);
  const Candidate* chosen = &candidates.front();
  for (const Candidate& candidate : candidates) {
    if (candidate.regret < chosen->regret - 1e-9) chosen = &candidate;
  }
  if (chosen != &candidates.front())
    return Described(request, scenarios.front(), candidates, *chosen);
  v1::Plan plan = candidates.front().plan;
  plan.mutable_semantics()->set_robust(true);
  return plan;
}

}  // namespace automap
