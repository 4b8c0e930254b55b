// Whether the computations of a module call each other as they may.
#pragma once

#include "absl/status/status.h"
#include "planner/hlo/module_index.h"

namespace automap {

// Whether an operation of that opcode cannot do without a called computation.
bool NeedsCallee(Opcode opcode);

// Every called computation exists, none calls itself through others, and the signatures of calls,
// fusions, loops and branches fit. INVALID_ARGUMENT with a path otherwise. Linear.
absl::Status CheckCalls(const ModuleIndex& index);

}  // namespace automap
