#include "planner/rules/reducer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

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

// A 16-bit float's value, little-endian bytes; `mantissa_bits` tells f16 (10) from bf16 (7).
double HalfValue(const std::string& bytes, int mantissa_bits) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof(bits));
  const int exponent_bits = 15 - mantissa_bits;
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits >> 15 ? -1 : 1;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  }
  const double fraction = std::ldexp(mantissa, -mantissa_bits) + (exponent > 0 ? 1 : 0);
  return sign * std::ldexp(fraction, std::max(exponent, 1) - bias);
}

std::optional<double> ScalarValue(const xla::LiteralProto& literal) {
  if (literal.f32s_size() == 1) return literal.f32s(0);
  if (literal.f64s_size() == 1) return literal.f64s(0);
  if (literal.s32s_size() == 1) return literal.s32s(0);
  if (literal.s64s_size() == 1) return static_cast<double>(literal.s64s(0));
  if (literal.u32s_size() == 1) return literal.u32s(0);
  if (literal.u64s_size() == 1) return static_cast<double>(literal.u64s(0));
  if (literal.preds_size() == 1) return literal.preds(0) ? 1 : 0;
  if (literal.bf16s().size() == 2) return HalfValue(literal.bf16s(), 7);
  if (literal.f16s().size() == 2) return HalfValue(literal.f16s(), 10);
  if (literal.u8s().size() == 1) return static_cast<uint8_t>(literal.u8s()[0]);
  if (literal.s8s().size() == 1) return static_cast<int8_t>(literal.s8s()[0]);
  return std::nullopt;
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
  NodeId producer = graph.tensor(tensor).producer;
  while (producer >= 0) {
    const Opcode opcode = graph.node(producer).opcode;
    if (opcode != Opcode::kConvert && opcode != Opcode::kReshape && opcode != Opcode::kBroadcast)
      break;
    producer = graph.tensor(graph.operands(producer)[0]).producer;
  }
  if (producer < 0 || graph.node(producer).opcode != Opcode::kConstant) return false;
  const auto value = ScalarValue(graph.node(producer).instruction->literal());
  const int type = graph.tensor(graph.results(producer)[0]).type;
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
