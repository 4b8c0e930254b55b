#include "planner/plan_strategies.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/plan/describe_plan.h"
#include "planner/strategies/strategy.h"
#include "planner/strategy_names.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

// Whether a hybrid of what the options ask for may turn out to be a plan of this strategy: one of
// one stage, or with an axis of one device.
bool IsPartOfHybrid(const StrategyRow& row, const v1::PlanOptions& options) {
  if (row.has_stages && row.has_model_axis) return true;
  if (row.has_stages && options.stages() == 1) return false;
  return (row.has_stages || options.stages() <= 1) &&
         (row.has_model_axis || options.axis_size() <= 1);
}

bool IsAsked(const StrategyRow& row, const PlanRequest& request) {
  if (request.quick && !request.quick->strategies.empty()) {
    const std::vector<std::string>& asked = request.quick->strategies;
    return std::find(asked.begin(), asked.end(), row.name) != asked.end();
  }
  const std::string& strategy = request.options.strategy();
  if (strategy.empty() || strategy == "auto" || strategy == row.name) return true;
  return strategy == "hybrid" && IsPartOfHybrid(row, request.options);
}

// The loser as a row of the winner's.
void AddAlternative(const v1::Plan& other, v1::Plan& plan) {
  v1::Plan::Alternative& alternative = *plan.add_alternatives();
  alternative.set_strategy(other.strategy());
  *alternative.mutable_mesh() = other.mesh();
  *alternative.mutable_cost() = other.cost();
  alternative.set_summary(absl::StrCat(
      "found by ", other.search().engine(),
      other.stages().empty() ? "" : absl::StrCat(", ", other.stages_size(), " stages")));
  for (const v1::Plan::Alternative& below : other.alternatives()) *plan.add_alternatives() = below;
}

void SayWhyTheyLost(v1::Plan& plan) {
  for (v1::Plan::Alternative& other : *plan.mutable_alternatives()) {
    if (other.cost().step_time_s() <= 0) continue;  // says itself why it was skipped
    other.set_summary(absl::StrFormat(
        "%s; %s", other.summary(),
        other.cost().fits() || plan.semantics().ignore_memory()
            ? absl::StrFormat("%.1f %% slower",
                              100 * (other.cost().step_time_s() / plan.cost().step_time_s() - 1))
            : absl::StrFormat("needs %.1f GiB of %.1f",
                              other.cost().peak_memory_bytes() / 1073741824.0,
                              other.cost().memory_limit_bytes() / 1073741824.0)));
  }
}

void AddRefusal(const std::string& strategy, const absl::Status& refusal, v1::Plan& plan) {
  v1::Plan::Alternative& alternative = *plan.add_alternatives();
  alternative.set_strategy(strategy);
  alternative.set_summary(std::string(refusal.message()));
}

// The smallest multiple of the cluster's servers on which stages would fit, in words; empty when
// not even 32 times as many would do, or there is no forward pass to cut.
std::string SmallestCluster(const PlanRequest& request) {
  for (int32_t times = 1; times <= 32; times *= 2) {
    v1::Cluster larger = request.cluster_proto;
    larger.clear_switches();
    for (int32_t copy = 1; copy < times; ++copy)
      larger.mutable_servers()->MergeFrom(request.cluster_proto.servers());
    const auto cluster = ClusterFromProto(larger);
    if (!cluster.ok() || cluster->device_count() > 256) return "";
    for (const int32_t micro_batches : {16, 4, 1}) {
      const auto chain = ChainOfModule(*request.module, *cluster, micro_batches);
      if (!chain.ok()) continue;
      const PipelineProblem problem(*chain, *cluster, {1, micro_batches, false});
      const int32_t most = std::min(problem.devices(), problem.VariableLayersFrom(0));
      for (int32_t stages = 1; stages <= most; ++stages) {
        if (!AnyFits(problem, stages)) continue;
        return absl::StrFormat(
            "; %d servers with %d devices in all would do: %d stages of %d "
            "micro-batches fit",
            larger.servers_size(), cluster->device_count(), stages, micro_batches);
      }
    }
  }
  return "";
}

absl::StatusOr<v1::Plan> PlanProfile(const PlanRequest& request) {
  for (const StrategyRow& row : StrategyCatalog()) {
    if (row.takes_profiles && IsAsked(row, request)) return row.plan(request, nullptr);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("options.strategy: \"", request.options.strategy(),
                   "\", must be pp: a profile of layers has no operations"));
}

// One strategy's own words; of several the certificate that none fits, else the first one's.
absl::Status Refusal(const PlanRequest& request,
                     const std::vector<std::pair<std::string, absl::Status>>& refusals) {
  if (refusals.size() == 1) return refusals.front().second;
  std::string words;
  for (const auto& [strategy, refusal] : refusals) {
    if (refusal.code() != absl::StatusCode::kFailedPrecondition) return refusal;
    absl::StrAppend(&words, words.empty() ? "" : " | ", strategy, ": ", refusal.message());
  }
  return absl::FailedPreconditionError(absl::StrCat("no plan: ", words, SmallestCluster(request)));
}

absl::StatusOr<v1::Plan> PlanStrategy(const PlanRequest& request, const StrategyRow& row,
                                      const std::optional<v1::Plan>& best) {
  PlanRequest own = request;
  // Beside hybrids the others are asked for what is exact and quick.
  if (request.options.strategy() == "hybrid" && row.name != "hybrid" && !request.quick)
    own.quick.emplace();
  return row.plan(own, best ? &best->cost() : nullptr);
}

absl::StatusOr<v1::Plan> PlanBest(const PlanRequest& request) {
  std::optional<v1::Plan> best;
  std::vector<std::pair<std::string, absl::Status>> refusals;
  for (const StrategyRow& row : StrategyCatalog()) {
    if (!IsAsked(row, request)) continue;
    if (best && request.stop()) {
      refusals.emplace_back(row.name, absl::DeadlineExceededError("not tried: no time was left"));
      continue;
    }
    auto plan = PlanStrategy(request, row, best);
    if (!plan.ok()) {
      refusals.emplace_back(row.name, plan.status());
      continue;
    }
    if (best && !IsBetterCost(plan->cost(), best->cost(), request.options.ignore_memory())) {
      AddAlternative(*plan, *best);
      continue;
    }
    if (best) AddAlternative(*best, *plan);
    best = *std::move(plan);
  }
  if (!best) return Refusal(request, refusals);
  SayWhyTheyLost(*best);
  for (const auto& [strategy, refusal] : refusals) AddRefusal(strategy, refusal, *best);
  FillWinProbability(*best);
  return *std::move(best);
}

// Improvements of one strategy pass only when they are the best so far of all.
PlanObserver OnlyBetter(const PlanObserver& observer, bool ignore_memory) {
  if (!observer.improved_plan) return observer;
  auto best = std::make_shared<std::optional<v1::Plan::Cost>>();
  PlanObserver filtered = observer;
  filtered.improved_plan = [observer, best, ignore_memory](const v1::Plan& plan) {
    if (*best && !IsBetterCost(plan.cost(), **best, ignore_memory)) return;
    *best = plan.cost();
    observer.improved_plan(plan);
  };
  return filtered;
}

}  // namespace

absl::Status CheckStrategy(const v1::PlanOptions& options) {
  if (options.strategy().empty() || IsStrategyName(options.strategy())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("options.strategy: \"", options.strategy(),
                                                 "\", must be ", StrategyNamesInWords()));
}

absl::StatusOr<v1::Plan> PlanStrategies(const PlanRequest& request) {
  if (request.profile != nullptr) return PlanProfile(request);
  RETURN_IF_ERROR(CheckStrategy(request.options));
  const PlanObserver filtered = OnlyBetter(*request.observer, request.options.ignore_memory());
  PlanRequest own = request;
  own.observer = &filtered;
  return PlanBest(own);
}

}  // namespace automap
