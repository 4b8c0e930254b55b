#include "planner/plan_module.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "planner/plan_request.h"
#include "planner/plan_robustly.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

absl::StatusOr<std::vector<std::string>> Strategies(const v1::PlanOptions& options) {
  const std::string& strategy = options.strategy();
  if (strategy.empty() || strategy == "auto")
    return std::vector<std::string>{"adp", "opp", "pp", "hybrid"};
  if (strategy == "hybrid") {
    // A hybrid of one stage, or with an axis of one device, is one of the others.
    const bool has_stages = options.stages() > 1, has_axis = options.axis_size() > 1;
    std::vector<std::string> strategies;
    if (!has_stages && !has_axis) strategies.push_back("adp");
    if (!has_stages) strategies.push_back("opp");
    if (!has_axis && options.stages() != 1) strategies.push_back("pp");
    strategies.push_back("hybrid");
    return strategies;
  }
  if (strategy == "opp" || strategy == "adp" || strategy == "pp")
    return std::vector<std::string>{strategy};
  return absl::InvalidArgumentError(
      absl::StrCat("options.strategy: \"", strategy, "\", must be auto, adp, opp, pp or hybrid"));
}

absl::StatusOr<Preset> PresetFromName(const std::string& name) {
  if (name.empty() || name == "default") return Preset::kDefault;
  if (name == "paper") return Preset::kPaper;
  return absl::InvalidArgumentError(
      absl::StrCat("options.preset: \"", name, "\", must be default or paper"));
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

void ReportPhase(const PlanObserver& observer, v1::Progress::Phase phase) {
  if (!observer.progress) return;
  v1::Progress progress;
  progress.set_phase(phase);
  observer.progress(progress);
}

absl::StatusOr<v1::Plan> PlanProfile(const PlanRequest& request) {
  const std::string& strategy = request.options.strategy();
  if (strategy == "opp" || strategy == "adp" || strategy == "hybrid") {
    return absl::InvalidArgumentError(absl::StrCat(
        "options.strategy: \"", strategy, "\", must be pp: a profile of layers has no operations"));
  }
  return PlanPipeline(request);
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

absl::StatusOr<v1::Plan> PlanStrategy(const PlanRequest& request, const std::string& strategy,
                                      const std::optional<v1::Plan>& best) {
  if (strategy == "hybrid") return PlanHybrid(request, best ? &best->cost() : nullptr);
  PlanRequest own = request;
  // Beside hybrids the others are asked for what is exact and quick.
  if (request.options.strategy() == "hybrid" && !request.quick) own.quick.emplace();
  return strategy == "pp" ? PlanPipeline(own) : PlanSplits(own, strategy);
}

// The best of several strategies, with the others as runners-up and why they lost. A plan that does
// not fit is no candidate.
absl::StatusOr<v1::Plan> PlanBest(const PlanRequest& request,
                                  const std::vector<std::string>& strategies) {
  std::optional<v1::Plan> best;
  std::vector<std::pair<std::string, absl::Status>> refusals;
  for (const std::string& strategy : strategies) {
    if (best && request.stop()) {
      refusals.emplace_back(strategy, absl::DeadlineExceededError("not tried: no time was left"));
      continue;
    }
    auto plan = PlanStrategy(request, strategy, best);
    if (!plan.ok()) {
      refusals.emplace_back(strategy, plan.status());
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

absl::StatusOr<v1::Plan> PlanStrategies(const PlanRequest& request) {
  if (request.profile != nullptr) return PlanProfile(request);
  ASSIGN_OR_RETURN(std::vector<std::string> strategies, Strategies(request.options));
  if (request.quick && !request.quick->strategies.empty()) strategies = request.quick->strategies;
  const PlanObserver filtered = OnlyBetter(request.observer, request.options.ignore_memory());
  return PlanBest({request.module, request.profile, request.profile_sha256, request.cluster_proto,
                   request.cluster, request.options, filtered, request.stop, request.journal,
                   request.preset, request.semantics, request.bytes, request.quick},
                  strategies);
}

absl::StatusOr<v1::Plan> PlanModule(absl::string_view bytes, const v1::Cluster& cluster_proto,
                                    const v1::PlanOptions& options, const PlanObserver& observer,
                                    const std::function<bool()>& stop, SearchJournal* journal) {
  ASSIGN_OR_RETURN(const Preset preset, PresetFromName(options.preset()));
  ASSIGN_OR_RETURN(const Semantics semantics,
                   AllowedSemantics(options.allow(), PresetSemantics(preset == Preset::kPaper)));
  RETURN_IF_ERROR(Strategies(options).status());
  ASSIGN_OR_RETURN(const Cluster cluster, ClusterFromProto(cluster_proto));
  if (options.axis_size() < 0 ||
      (options.axis_size() > 0 && cluster.device_count() % options.axis_size() != 0)) {
    return absl::InvalidArgumentError(absl::StrCat("options.axis_size: ", options.axis_size(),
                                                   ", must divide the number of devices, ",
                                                   cluster.device_count()));
  }
  ReportPhase(observer, v1::Progress::READING);
  if (IsProfile(bytes)) {
    ASSIGN_OR_RETURN(const LayerChain profile, ReadProfile(bytes));
    const PlanRequest request = {nullptr, &profile, Sha256Hex(bytes), cluster_proto,
                                 cluster, options,  observer,         stop,
                                 journal, preset,   semantics,        bytes};
    return options.robust() ? PlanRobustly(request) : PlanStrategies(request);
  }
  ASSIGN_OR_RETURN(const auto module, PreparedModule::CreateWithProfile(
                                          bytes, options.roles(), options.profile(), cluster));
  ReportPhase(observer, v1::Progress::PROPAGATING);
  const PlanRequest request = {module.get(), nullptr, "",      cluster_proto, cluster,   options,
                               observer,     stop,    journal, preset,        semantics, bytes};
  return options.robust() ? PlanRobustly(request) : PlanStrategies(request);
}

}  // namespace automap
