#include "planner/plan_strategies.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/step_costs.h"
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
  if (request.profile != nullptr && !row.takes_profiles) return false;
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
      other.stages().empty()
          ? ""
          : absl::StrCat(", ", other.stages_size(), other.stages_size() == 1 ? " stage" : " stages",
                         " of ", other.micro_batches(), " micro-batches")));
  for (const v1::Plan::Alternative& below : other.alternatives()) *plan.add_alternatives() = below;
}

void SayWhyTheyLost(v1::Plan& plan) {
  for (v1::Plan::Alternative& other : *plan.mutable_alternatives()) {
    if (other.cost().step_time_s() <= 0) continue;  // says itself why it was skipped
    const double slower = 100 * (other.cost().step_time_s() / plan.cost().step_time_s() - 1);
    other.set_summary(absl::StrFormat(
        "%s; %s", other.summary(),
        other.cost().fits() || plan.semantics().ignore_memory()
            ? std::abs(slower) < 0.05 ? "as fast" : absl::StrFormat("%.1f %% slower", slower)
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
      const auto costs = StepCosts::Create(*request.facts, *cluster, micro_batches);
      if (!costs.ok()) continue;
      const LayerChain chain = (*costs)->Chain();
      const PipelineProblem problem(chain, *cluster, {1, micro_batches, false});
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

// One strategy on its way to a plan, or to the reason why there is none.
class Contender {
 public:
  Contender(const StrategyRow& row, PlanRequest request)
      : name_(row.name), run_(row.start(request)) {}

  const std::string& name() const { return name_; }
  const absl::Status& refusal() const { return refusal_; }
  void Refuse(absl::Status why) { refusal_ = std::move(why); }

  std::optional<Seconds> Prove(std::optional<Seconds> incumbent) {
    const auto begin = std::chrono::steady_clock::now();
    const auto proven = run_->Prove(incumbent);
    time_ += std::chrono::steady_clock::now() - begin;
    refusal_ = proven.status();
    return proven.ok() ? *proven : std::nullopt;
  }

  std::optional<v1::Plan> Learn() {
    const auto begin = std::chrono::steady_clock::now();
    auto plan = run_->Learn();
    time_ += std::chrono::steady_clock::now() - begin;
    refusal_ = plan.status();
    if (!plan.ok()) return std::nullopt;
    plan->mutable_search()->set_wall_s(std::chrono::duration<double>(time_).count());
    return *std::move(plan);
  }

 private:
  std::string name_;
  std::unique_ptr<StrategyRun> run_;
  absl::Status refusal_;
  std::chrono::steady_clock::duration time_{};
};

std::vector<Contender> Contenders(const PlanRequest& request) {
  std::vector<Contender> contenders;
  for (const StrategyRow& row : StrategyCatalog()) {
    if (!IsAsked(row, request)) continue;
    PlanRequest own = request;
    // Beside hybrids the others are asked for what is exact and quick.
    if (request.options.strategy() == "hybrid" && row.name != "hybrid" && !request.quick)
      own.quick.emplace();
    contenders.emplace_back(row, std::move(own));
  }
  return contenders;
}

// What every strategy proves comes before what any of them learns, so that a search that is stopped
// has looked into all of them.
void ProveAll(const PlanRequest& request, std::vector<Contender>& contenders) {
  std::optional<Seconds> incumbent;
  for (Contender& contender : contenders) {
    if (incumbent && request.stop()) {
      contender.Refuse(absl::DeadlineExceededError("not tried: no time was left"));
      continue;
    }
    const std::optional<Seconds> proven = contender.Prove(incumbent);
    if (proven && (!incumbent || *proven < *incumbent)) incumbent = proven;
  }
}

// One strategy's own words; of several the certificate that none fits, else the first one's.
absl::Status Refusal(const PlanRequest& request, const std::vector<Contender>& contenders) {
  if (contenders.size() == 1) return contenders.front().refusal();
  std::string words;
  for (const Contender& contender : contenders) {
    const absl::Status& refusal = contender.refusal();
    if (refusal.code() != absl::StatusCode::kFailedPrecondition) return refusal;
    absl::StrAppend(&words, words.empty() ? "" : " | ", contender.name(), ": ", refusal.message());
  }
  return absl::FailedPreconditionError(absl::StrCat("no plan: ", words, SmallestCluster(request)));
}

absl::StatusOr<v1::Plan> PlanBest(const PlanRequest& request) {
  std::vector<Contender> contenders = Contenders(request);
  if (contenders.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.strategy: \"", request.options.strategy(),
                     "\", must be pp: a profile of layers has no operations"));
  }
  ProveAll(request, contenders);
  std::optional<v1::Plan> best;
  for (Contender& contender : contenders) {
    if (!contender.refusal().ok()) continue;
    std::optional<v1::Plan> plan = contender.Learn();
    if (!plan) continue;
    if (best && !IsBetterCost(plan->cost(), best->cost(), request.options.ignore_memory())) {
      AddAlternative(*plan, *best);
      continue;
    }
    if (best) AddAlternative(*best, *plan);
    best = std::move(plan);
  }
  if (!best) return Refusal(request, contenders);
  SayWhyTheyLost(*best);
  for (const Contender& contender : contenders) {
    if (!contender.refusal().ok()) AddRefusal(contender.name(), contender.refusal(), *best);
  }
  FillWinProbability(*best);
  return *std::move(best);
}

// Improvements of one strategy pass only when they are the best so far of all, or the best one's
// better bound.
PlanObserver OnlyBetter(const PlanObserver& observer, bool ignore_memory) {
  if (!observer.improved_plan) return observer;
  auto best = std::make_shared<std::optional<v1::Plan>>();
  PlanObserver filtered = observer;
  filtered.improved_plan = [observer, best, ignore_memory](const v1::Plan& plan) {
    const bool is_better = !*best || IsBetterCost(plan.cost(), (*best)->cost(), ignore_memory);
    const bool is_bound_news = !is_better && plan.strategy() == (*best)->strategy() &&
                               !IsBetterCost((*best)->cost(), plan.cost(), ignore_memory) &&
                               plan.bound().lower_bound_s() > (*best)->bound().lower_bound_s();
    if (!is_better && !is_bound_news) return;
    *best = plan;
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
  RETURN_IF_ERROR(CheckStrategy(request.options));
  const PlanObserver filtered = OnlyBetter(*request.observer, request.options.ignore_memory());
  PlanRequest own = request;
  own.observer = &filtered;
  return PlanBest(own);
}

}  // namespace automap
