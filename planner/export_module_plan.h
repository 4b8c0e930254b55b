// A plan in the words of the tools that run it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/plan.pb.h"
#include "planner/exporters/pins.h"
#include "planner/exporters/stages/export_stages.h"

namespace automap {

enum class ExportFormat {
  // The module's bytes with an OpSharding on every entry parameter and on the root; everything else
  // byte for byte as it was. Modules that came as text or JSON leave as HloModuleProto.
  kHlo,
  // JSON: for each parameter and output the mesh axes of each dim, as JAX's PartitionSpec takes
  // them.
  kPartitionSpec,
  // JSON: the mesh and each argument's and result's sharding as Shardy attributes of MLIR.
  kShardy,
};

struct ExportOptions {
  ExportFormat format = ExportFormat::kHlo;
  Pins pins = Pins::kBorder;  // kHlo
};

// FAILED_PRECONDITION when the plan is for another module or its splits conflict.
absl::StatusOr<std::string> ExportModulePlan(absl::string_view module, const v1::Plan& plan,
                                             const ExportOptions& options);

// A pipeline plan as one module for each stage and phase, and a manifest (ExportStages).
// FAILED_PRECONDITION when the plan is for another module, its stages do not fit it, or it splits
// arrays inside its stages (hybrid), which these modules would not tell.
absl::StatusOr<std::vector<ExportedFile>> ExportModuleStages(absl::string_view module,
                                                             const v1::Plan& plan);

}  // namespace automap
