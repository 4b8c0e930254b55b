#include "planner/plan_module.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/plan/semantics_proto.h"
#include "planner/plan_request.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

absl::StatusOr<std::vector<std::string>> Strategies(const std::string& strategy) {
  if (strategy.empty() || strategy == "auto") return std::vector<std::string>{"opp", "adp", "pp"};
  if (strategy == "opp" || strategy == "adp" || strategy == "pp")
    return std::vector<std::string>{strategy};
  if (strategy == "hybrid") {
    return absl::UnimplementedError(
        "options.strategy: \"hybrid\" is not built yet; use auto, opp, adp or pp");
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

absl::StatusOr<v1::Plan> PlanProfile(const PlanRequest& request) {
  const std::string& strategy = request.options.strategy();
  if (strategy == "opp" || strategy == "adp") {
    return absl::InvalidArgumentError(absl::StrCat(
        "options.strategy: \"", strategy, "\", must be pp: a profile of layers has no operations"));
  }
  return PlanPipeline(request);
}

// The best of several strategies, with the others as runners-up.
absl::StatusOr<v1::Plan> PlanBest(const PlanRequest& request,
                                  const std::vector<std::string>& strategies) {
  std::optional<v1::Plan> best;
  absl::Status refusal;
  for (const std::string& strategy : strategies) {
    auto plan = strategy == "pp" ? PlanPipeline(request) : PlanSplits(request, strategy);
    if (!plan.ok()) {
      if (refusal.ok()) refusal = plan.status();
      continue;
    }
    if (best && !IsBetterCost(plan->cost(), best->cost(), request.options.ignore_memory())) {
      AddAlternative(*plan, *best);
      continue;
    }
    if (best) AddAlternative(*best, *plan);
    best = *std::move(plan);
  }
  if (!best) return refusal;
  return *std::move(best);
}

}  // namespace

absl::StatusOr<v1::Plan> PlanModule(absl::string_view bytes, const v1::Cluster& cluster_proto,
                                    const v1::PlanOptions& options, const PlanObserver& observer,
                                    const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(const Preset preset, PresetFromName(options.preset()));
  ASSIGN_OR_RETURN(
      const Semantics semantics,
      AllowedSemantics(options.allow(), PresetSemantics(preset == Preset::kPaper)));
  ASSIGN_OR_RETURN(const std::vector<std::string> strategies, Strategies(options.strategy()));
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
    return PlanProfile({nullptr, &profile, Sha256Hex(bytes), cluster_proto, cluster, options,
                        observer, stop, preset, semantics});
  }
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, options.roles()));
  ReportPhase(observer, v1::Progress::PROPAGATING);
  return PlanBest(
      {module.get(), nullptr, "", cluster_proto, cluster, options, observer, stop, preset, semantics},
      strategies);
}

}  // namespace automap
