#include "planner/rules/reducer.h"

#include <optional>

#include "planner/rules/constant_value.h"

namespace automap {
namespace {

Reducer ReducerFromOpcode(Opcode opcode) {
  switch (opcode) {
    case Opcode::kAdd:
      return Reducer::kAdd;
    case Opcode::kMultiply:
      return Reducer::kMultiply;
    case Opcode::kMinimum:
      return Reducer::kMinimum;
    case Opcode::kMaximum:
      return Reducer::kMaximum;
    case Opcode::kAnd:
      return Reducer::kAnd;
    case Opcode::kOr:
      return Reducer::kOr;
    case Opcode::kXor:
      return Reducer::kXor;
    default:
      return Reducer::kOther;
  }
}

// Looks through conversions, which reducers of narrow types wrap around their arguments.
int32_t Unconverted(const ComputationIndex& computation, int32_t i) {
  while (computation.opcodes[i] == Opcode::kConvert) i = computation.operands_of(i)[0];
  return i;
}

}  // namespace

Reducer ReducerOf(const Graph& graph, const xla::HloInstructionProto& instruction, int index) {
  // A function that the framework compiled on its own is called; its arguments are in any order.
  for (const ComputationIndex* body = graph.Callee(instruction, index); body != nullptr;) {
    const int32_t root = Unconverted(*body, body->root);
    if (body->operands_of(root).size() != 2) return Reducer::kOther;
    const int32_t a = Unconverted(*body, body->operands_of(root)[0]);
    const int32_t b = Unconverted(*body, body->operands_of(root)[1]);
    const bool on_parameters =
        a != b && body->opcodes[a] == Opcode::kParameter && body->opcodes[b] == Opcode::kParameter;
    if (!on_parameters) return Reducer::kOther;
    if (body->opcodes[root] != Opcode::kCall) return ReducerFromOpcode(body->opcodes[root]);
    body = graph.Callee(body->instruction(root), 0);
  }
  return Reducer::kOther;
}

bool IsIdempotent(Reducer reducer) {
  switch (reducer) {
    case Reducer::kMinimum:
    case Reducer::kMaximum:
    case Reducer::kAnd:
    case Reducer::kOr:
      return true;
    default:
      return false;
  }
}

bool IsIdentity(const Graph& graph, TensorId tensor, Reducer reducer) {
  const auto value = ConstantValue(graph, tensor);
  switch (reducer) {
    case Reducer::kAdd:
    case Reducer::kXor:
      return value == 0.0;
    case Reducer::kMultiply:
      return value == 1.0;
    default:
      return false;
  }
}

}  // namespace automap
