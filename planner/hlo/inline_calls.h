// The step as one list of operations.
#pragma once

#include "absl/status/statusor.h"
#include "planner/hlo/read_module.h"

namespace automap {

// A module that computes the same, whose entry computation holds what its calls and fusions did, in
// the order in which BuildGraph enters them: both graphs have the same nodes with the same numbers.
// Loops, branches and applied computations stay as they are; control dependencies between
// operations of the entry are dropped. Operations are named after their calls and themselves,
// "call.3.add.7".
//
// RESOURCE_EXHAUSTED when the entry would have more than `max_instructions`, UNIMPLEMENTED when it
// has operations in two halves (async-start and the like), which only a compiler writes. Linear in
// the result.
absl::StatusOr<HloModule> InlineCalls(const HloModule& module,
                                      int64_t max_instructions = ReadLimits{}.max_instructions);

}  // namespace automap
