// The judge of modules: what the rest of the planner relies on.
#pragma once

#include "absl/status/statusor.h"
#include "planner/hlo/module_index.h"

namespace automap {

// The index of a good module. Good is when
//   - computations and instructions have names and unique ids, the entry exists, every computation
//   has its root;
//   - operands are earlier instructions of the same computation, called computations exist and do
//   not call each other
//     in a circle, parameters are numbered 0 .. n-1;
//   - shapes are valid: known element types, at most 32 dimensions, sizes that multiply without
//   overflow, tuples at most
//     64 deep with at most 1 M leaves in all;
//   - operations have as many operands and called computations as they need, signatures fit, and
//   every dimension number
//     that planning indexes with is in range (check_shapes.h);
//   - aliases name parts of parameters and results, of equal shape where they must alias.
// Otherwise INVALID_ARGUMENT with the path of the first mistake, e.g.
// `computations[3].instructions[17].operand_ids[1]: 42, must be the id of an earlier instruction`.
// Linear.
absl::StatusOr<ModuleIndex> CheckModule(const xla::HloModuleProto& module);

}  // namespace automap
