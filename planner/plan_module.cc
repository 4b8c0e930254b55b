#include "planner/plan_module.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/plan/semantics_proto.h"
#include "planner/plan_robustly.h"
#include "planner/plan_strategies.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

absl::StatusOr<Preset> PresetFromName(const std::string& name) {
  if (name.empty() || name == "default") return Preset::kDefault;
  if (name == "paper") return Preset::kPaper;
  return absl::InvalidArgumentError(
      absl::StrCat("options.preset: \"", name, "\", must be default or paper"));
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
                                    const std::function<bool()>& stop, SearchJournal* journal) {
  ASSIGN_OR_RETURN(const Preset preset, PresetFromName(options.preset()));
  ASSIGN_OR_RETURN(const Semantics semantics,
                   AllowedSemantics(options.allow(), PresetSemantics(preset == Preset::kPaper)));
  RETURN_IF_ERROR(CheckStrategy(options));
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
                                 cluster, options,  &observer,        stop,
                                 journal, preset,   semantics,        bytes};
    return options.robust() ? PlanRobustly(request) : PlanStrategies(request);
  }
  ASSIGN_OR_RETURN(const auto module, PreparedModule::CreateWithProfile(
                                          bytes, options.roles(), options.profile(), cluster));
  ReportPhase(observer, v1::Progress::PROPAGATING);
  PlanRequest request = {module.get(), nullptr, "",      cluster_proto, cluster,   options,
                         &observer,    stop,    journal, preset,        semantics, bytes};
  request.facts = std::make_shared<StepFacts>(*module);
  return options.robust() ? PlanRobustly(request) : PlanStrategies(request);
}

}  // namespace automap
