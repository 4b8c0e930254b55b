// Why a plan treats a parameter as it does (interface: `automap explain`). Built without Torch.
#pragma once

#include <string>

#include "planner/inspect_module.h"

namespace automap {

// For each axis of the mesh: the split dim with the chain that leads to it, what is split with it
// and which all-reduces come of it; or for each dim why it is whole: the conflict of its own, the
// conflict with what the plan splits, or that the search left it. `name` is a parameter's name or
// #N. INVALID_ARGUMENT for other names, FAILED_PRECONDITION for a plan of another module.
absl::StatusOr<Json> ExplainParameter(absl::string_view module, const v1::Plan& plan,
                                      const std::string& name);

}  // namespace automap
