#include "planner/export_module_plan.h"

#include "base/status_macros.h"
#include "planner/exporters/export_hlo.h"
#include "planner/exporters/export_json.h"
#include "planner/plan/describe_plan.h"

namespace automap {

absl::StatusOr<std::string> ExportModulePlan(absl::string_view bytes, const v1::Plan& plan,
                                             const ExportOptions& options) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, plan.semantics().roles()));
  RETURN_IF_ERROR(CheckPlanIsFor(*module, plan));
  ASSIGN_OR_RETURN(const Decisions decisions, DecisionsOf(*module, plan));
  ASSIGN_OR_RETURN(const AppliedDecisions applied, AppliedDecisions::Create(*module, decisions));
  switch (options.format) {
    case ExportFormat::kHlo:
      return ExportHlo(bytes, *module, applied.axes(), options.pins);
    case ExportFormat::kPartitionSpec:
      return PartitionSpecJson(*module, decisions, applied.axes()).dump(2);
    case ExportFormat::kShardy:
      return ShardyJson(*module, decisions, applied.axes()).dump(2);
  }
  return absl::InternalError("format");
}

absl::StatusOr<std::vector<ExportedFile>> ExportModuleStages(absl::string_view bytes,
                                                             const v1::Plan& plan) {
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, plan.semantics().roles()));
  RETURN_IF_ERROR(CheckPlanIsFor(*module, plan));
  if (plan.mesh_size() > 0) {
    return absl::FailedPreconditionError(
        "plan.mesh: stage modules carry no splits, and the stages of this plan are split on an "
        "axis; "
        "--format partition-spec, shardy or hlo tell the splits");
  }
  return ExportStages(*module, plan);
}

}  // namespace automap
