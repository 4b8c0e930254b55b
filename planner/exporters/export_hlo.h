// The module with the plan written into it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/exporters/pins.h"
#include "planner/plan/prepared_module.h"
#include "planner/propagation/propagation.h"

namespace automap {

// See ExportModulePlan. `bytes` is what `module` was made of. Linear.
absl::StatusOr<std::string> ExportHlo(absl::string_view bytes, const PreparedModule& module,
                                      absl::Span<const Propagation* const> axes, Pins pins);

}  // namespace automap
