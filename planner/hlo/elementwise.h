// Which operations work on each element alone.
#pragma once

#include "planner/hlo/opcode.h"

namespace automap {

// Whether result and array operands have one shape and every element depends on the same element of
// the operands only. Includes the identities that stand for loops and branches.
bool IsElementwise(Opcode opcode);

}  // namespace automap
