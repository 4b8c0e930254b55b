#include "planner/rules/reducer.h"

#include <cmath>
#include <limits>
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

// The least and greatest value of a type, as a reducer's identity; a float's greatest is infinity.
std::optional<double> Extreme(int type, bool greatest) {
  const auto integer = [&](int bits, bool is_signed) {
    if (is_signed) return greatest ? std::ldexp(1.0, bits - 1) - 1 : -std::ldexp(1.0, bits - 1);
    return greatest ? std::ldexp(1.0, bits) - 1 : 0.0;
  };
  switch (type) {
    case xla::PRED:
      return greatest ? 1 : 0;
    case xla::S8:
      return integer(8, true);
    case xla::S16:
      return integer(16, true);
    case xla::S32:
      return integer(32, true);
    case xla::S64:
      return integer(64, true);
    case xla::U8:
      return integer(8, false);
    case xla::U16:
      return integer(16, false);
    case xla::U32:
      return integer(32, false);
    case xla::U64:
      return integer(64, false);
    case xla::F16:
    case xla::BF16:
    case xla::F32:
    case xla::F64:
      return greatest ? std::numeric_limits<double>::infinity()
                      : -std::numeric_limits<double>::infinity();
    default:
      return std::nullopt;
  }
}

}  // namespace

Reducer ReducerOf(const Graph& graph, const xla::HloInstructionProto& instruction, int index) {
  const ComputationIndex* body = graph.Callee(instruction, index);
  if (body == nullptr) return Reducer::kOther;
  const int32_t root = Unconverted(*body, body->root);
  if (body->operands_of(root).size() != 2) return Reducer::kOther;
  const int32_t a = Unconverted(*body, body->operands_of(root)[0]);
  const int32_t b = Unconverted(*body, body->operands_of(root)[1]);
  const bool on_parameters =
      a != b && body->opcodes[a] == Opcode::kParameter && body->opcodes[b] == Opcode::kParameter;
  return on_parameters ? ReducerFromOpcode(body->opcodes[root]) : Reducer::kOther;
}

bool IsIdentity(const Graph& graph, TensorId tensor, Reducer reducer) {
  const auto value = ConstantValue(graph, tensor);
  const int type = graph.tensor(tensor).type;
  if (!value) return false;
  switch (reducer) {
    case Reducer::kAdd:
    case Reducer::kOr:
    case Reducer::kXor:
      return *value == 0;
    case Reducer::kMultiply:
      return *value == 1;
    case Reducer::kAnd:
      return type == xla::PRED && *value == 1;
    // A float's finite extreme is an identity for every finite input, and so is anything beyond it.
    case Reducer::kMaximum:
      return value <= Extreme(type, false) || *value <= -3.0e38;
    case Reducer::kMinimum:
      return value >= Extreme(type, true) || *value >= 3.0e38;
    case Reducer::kOther:
      return false;
  }
  return false;
}

}  // namespace automap
