#include "planner/rules/constant_value.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace automap {
namespace {

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

}  // namespace

std::optional<double> ConstantValue(const Graph& graph, TensorId tensor) {
  NodeId producer = graph.tensor(tensor).producer;
  while (producer >= 0) {
    const Opcode opcode = graph.node(producer).opcode;
    if (opcode != Opcode::kConvert && opcode != Opcode::kReshape && opcode != Opcode::kBroadcast) {
      break;
    }
    producer = graph.tensor(graph.operands(producer)[0]).producer;
  }
  if (producer < 0 || graph.node(producer).opcode != Opcode::kConstant) return std::nullopt;
  return ScalarValue(graph.node(producer).instruction->literal());
}

}  // namespace automap
