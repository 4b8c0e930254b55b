// Parameters by the names that people use.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "planner/plan/prepared_module.h"

namespace automap {

// The index in graph().parameters() of a parameter's name, or of #N for entry parameter N.
// INVALID_ARGUMENT for others.
absl::StatusOr<int32_t> FindParameter(const PreparedModule& module, const std::string& name);

}  // namespace automap
