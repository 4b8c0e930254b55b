// The little computations that reductions apply.
#pragma once

#include "planner/graph/graph.h"

namespace automap {

// What a reducer does with its two arguments. kOther: not one of the commutative monoids that
// devices can combine.
enum class Reducer : uint8_t { kAdd, kMultiply, kMinimum, kMaximum, kAnd, kOr, kXor, kOther };

// The reducer that `instruction` applies: its called computation number `index` is `root(op)(a, b)`
// of its two scalar parameters, conversions and calls aside.
Reducer ReducerOf(const Graph& graph, const xla::HloInstructionProto& instruction, int index = 0);

// Whether a value counted twice counts once: x op x = x.
bool IsIdempotent(Reducer reducer);

// Whether a tensor is known to hold the identity of a `reducer` that is not idempotent (0 for add):
// a constant, seen through conversions and reshapes.
bool IsIdentity(const Graph& graph, TensorId tensor, Reducer reducer);

}  // namespace automap
