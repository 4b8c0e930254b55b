// A pipeline plan as modules that are compiled and run one by one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/prepared_module.h"

namespace automap {

struct ExportedFile {
  std::string name;
  std::string bytes;
};

// One serialized HloModuleProto for each stage and phase, at the full batch, in the order in which
// they run, and then manifest.json (docs/export.md), which says what feeds each parameter. Chained
// so, they compute what the step computes. Where a result of the step is declared to replace a
// parameter, the module that makes it has the alias, unless the parameter is read again afterwards
// or not read there. Errors as StagePlaces, InlineCalls and StageModule.
absl::StatusOr<std::vector<ExportedFile>> ExportStages(const PreparedModule& module,
                                                       const v1::Plan& plan);

}  // namespace automap
