// Scalar functions, and the little computations that operations apply to scalars.
#pragma once

#include <vector>

#include "tests/support/interpreter/array.h"

namespace automap::interpreter {

// The value of an element-wise operation on one element; `types` are those of the arguments.
Number ElementwiseValue(Opcode opcode, const xla::HloInstructionProto& instruction,
                        const std::vector<Number>& arguments, const std::vector<int>& types);

// The `k`th computation that an instruction applies, on scalars; leaves of a tuple root one by one.
// The body is element-wise: reducers, comparators, bodies of map and scan.
std::vector<Number> Apply(const Graph& graph, const xla::HloInstructionProto& instruction, int k,
                          const std::vector<Number>& arguments);

}  // namespace automap::interpreter
