#include "tests/support/interpreter/scalars.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "planner/graph/element_type.h"

namespace automap::interpreter {
namespace {

bool IsComplex(int type) { return type == xla::C64 || type == xla::C128; }

int64_t Integer(double x) {
  return std::abs(x) < 9e18 ? static_cast<int64_t>(x) : std::numeric_limits<int64_t>::max();
}

double Divided(double a, double b, bool is_float) {
  if (is_float) return b == 0 ? 0 : a / b;
  return b == 0 ? -1 : std::trunc(a / b);
}

Number OnComplex(Opcode opcode, Number a, Number b) {
  switch (opcode) {
    case Opcode::kAbs:
      return std::abs(a);
    case Opcode::kAdd:
      return a + b;
    case Opcode::kSubtract:
      return a - b;
    case Opcode::kMultiply:
      return a * b;
    case Opcode::kDivide:
      return b == Number{0} ? Number{0} : a / b;
    case Opcode::kExponential:
      return std::exp(a);
    case Opcode::kReal:
      return a.real();
    case Opcode::kImag:
      return a.imag();
    case Opcode::kNegate:
      return -a;
    default:
      return a;
  }
}

double Unary(Opcode opcode, double a) {
  switch (opcode) {
    case Opcode::kAbs:
      return std::abs(a);
    case Opcode::kAcos:
      return std::acos(a);
    case Opcode::kAcosh:
      return std::acosh(a);
    case Opcode::kAsin:
      return std::asin(a);
    case Opcode::kAsinh:
      return std::asinh(a);
    case Opcode::kAtanh:
      return std::atanh(a);
    case Opcode::kCbrt:
      return std::cbrt(a);
    case Opcode::kCeil:
      return std::ceil(a);
    case Opcode::kCosh:
      return std::cosh(a);
    case Opcode::kCosine:
      return std::cos(a);
    case Opcode::kCountLeadingZeros:
      return std::countl_zero(static_cast<uint32_t>(Integer(a)));
    case Opcode::kErf:
      return std::erf(a);
    case Opcode::kExponential:
      return std::exp(a);
    case Opcode::kExponentialMinusOne:
      return std::expm1(a);
    case Opcode::kFloor:
      return std::floor(a);
    case Opcode::kIsFinite:
      return std::isfinite(a) ? 1 : 0;
    case Opcode::kLog:
      return std::log(a);
    case Opcode::kLogPlusOne:
      return std::log1p(a);
    case Opcode::kLogistic:
      return 1 / (1 + std::exp(-a));
    case Opcode::kNegate:
      return -a;
    case Opcode::kPopcnt:
      return std::popcount(static_cast<uint64_t>(Integer(a)));
    case Opcode::kRoundNearestAfz:
      return std::round(a);
    case Opcode::kRoundNearestEven:
      return std::nearbyint(a);
    case Opcode::kRsqrt:
      return 1 / std::sqrt(a);
    case Opcode::kSign:
      return a > 0 ? 1 : a < 0 ? -1 : 0;
    case Opcode::kSine:
      return std::sin(a);
    case Opcode::kSinh:
      return std::sinh(a);
    case Opcode::kSqrt:
      return std::sqrt(a);
    case Opcode::kTan:
      return std::tan(a);
    case Opcode::kTanh:
      return std::tanh(a);
    default:
      return a;  // convert, copy, real, reduce-precision, ...
  }
}

double Bits(Opcode opcode, int64_t a, int64_t b) {
  const int64_t shift = std::clamp<int64_t>(b, 0, 31);
  switch (opcode) {
    case Opcode::kAnd:
      return a & b;
    case Opcode::kOr:
      return a | b;
    case Opcode::kXor:
      return a ^ b;
    case Opcode::kShiftLeft:
      return static_cast<double>(static_cast<int32_t>(static_cast<uint32_t>(a) << shift));
    case Opcode::kShiftRightArithmetic:
      return static_cast<int32_t>(a) >> shift;
    case Opcode::kShiftRightLogical:
      return static_cast<uint32_t>(a) >> shift;
    default:
      return std::floor(static_cast<double>(a) * static_cast<double>(b) / 4294967296.0);  // mulhi
  }
}

bool Compared(const std::string& direction, double a, double b) {
  if (direction == "EQ") return a == b;
  if (direction == "NE") return a != b;
  if (direction == "GE") return a >= b;
  if (direction == "GT") return a > b;
  if (direction == "LE") return a <= b;
  return a < b;
}

double Binary(Opcode opcode, const xla::HloInstructionProto& instruction, double a, double b,
              bool is_float) {
  switch (opcode) {
    case Opcode::kAdd:
      return a + b;
    case Opcode::kAtan2:
      return std::atan2(a, b);
    case Opcode::kCompare:
      return Compared(instruction.comparison_direction(), a, b) ? 1 : 0;
    case Opcode::kDivide:
      return Divided(a, b, is_float);
    case Opcode::kMaximum:
      return std::max(a, b);
    case Opcode::kMinimum:
      return std::min(a, b);
    case Opcode::kMultiply:
      return a * b;
    case Opcode::kPower:
      return std::pow(a, b);
    case Opcode::kRemainder:
      return b == 0 ? a : std::fmod(a, b);
    case Opcode::kStochasticConvert:
      return a + b / 4294967296.0;
    case Opcode::kSubtract:
      return a - b;
    default:
      return Bits(opcode, Integer(a), Integer(b));
  }
}

// `arguments` are all there.
Number Value(Opcode opcode, const xla::HloInstructionProto& instruction,
             const std::vector<Number>& arguments, const std::vector<int>& types) {
  const double a = arguments[0].real();
  const double b = arguments.size() > 1 ? arguments[1].real() : 0;
  const double c = arguments.size() > 2 ? arguments[2].real() : 0;
  switch (opcode) {
    case Opcode::kClamp:
      return std::min(std::max(a, b), c);
    case Opcode::kComplex:
      return {a, b};
    case Opcode::kNot:
      return types[0] == xla::PRED ? (a != 0 ? 0.0 : 1.0) : static_cast<double>(~Integer(a));
    case Opcode::kSelect:
      return a != 0 ? arguments[1] : arguments[2];
    case Opcode::kConvert:
    case Opcode::kCopy:
      return arguments[0];
    default:
      break;
  }
  if (IsComplex(types[0])) {
    return OnComplex(opcode, arguments[0], arguments.size() > 1 ? arguments[1] : 0);
  }
  if (arguments.size() == 1) return Unary(opcode, a);
  return Binary(opcode, instruction, a, b, IsFloat(types[0]));
}

using Leaves = std::vector<Number>;

Leaves ApplyBody(const Graph& graph, const ComputationIndex& body, const Leaves& arguments);

Leaves BodyValue(const Graph& graph, const ComputationIndex& body, int32_t i,
                 const std::vector<Leaves>& values, const Leaves& arguments) {
  const auto& instruction = body.instruction(i);
  const auto operands = body.operands_of(i);
  Leaves inputs;
  std::vector<int> types;
  for (const int32_t operand : operands) {
    inputs.insert(inputs.end(), values[operand].begin(), values[operand].end());
    types.push_back(body.instruction(operand).shape().element_type());
  }
  switch (body.opcodes[i]) {
    case Opcode::kParameter:
      return {arguments[instruction.parameter_number()]};
    case Opcode::kConstant: {
      const auto& literal = instruction.literal();
      if (literal.f32s_size() == 1) return {literal.f32s(0)};
      if (literal.s32s_size() == 1) return {static_cast<double>(literal.s32s(0))};
      return {literal.preds_size() == 1 && literal.preds(0) ? 1.0 : 0.0};
    }
    case Opcode::kTuple:
    case Opcode::kBroadcast:  // of a scalar, in a body over arrays
      return inputs;
    case Opcode::kGetTupleElement:
      return {inputs[instruction.tuple_index()]};
    case Opcode::kCall:
      return ApplyBody(graph, *graph.Callee(instruction, 0), inputs);
    default:
      return {ElementwiseValue(body.opcodes[i], instruction, inputs, types)};
  }
}

Leaves ApplyBody(const Graph& graph, const ComputationIndex& body, const Leaves& arguments) {
  std::vector<Leaves> values;
  for (int32_t i = 0; i < body.size(); ++i) {
    values.push_back(BodyValue(graph, body, i, values, arguments));
  }
  return values[body.root];
}

}  // namespace

Number ElementwiseValue(Opcode opcode, const xla::HloInstructionProto& instruction,
                        const std::vector<Number>& arguments, const std::vector<int>& types) {
  for (const Number argument : arguments) {
    if (IsAbsent(argument)) return argument;
  }
  const Number value = Value(opcode, instruction, arguments, types);
  return IsAbsent(value) ? Number{0} : value;  // of arguments outside of the function's domain
}

std::vector<Number> Apply(const Graph& graph, const xla::HloInstructionProto& instruction, int k,
                          const std::vector<Number>& arguments) {
  return ApplyBody(graph, *graph.Callee(instruction, k), arguments);
}

}  // namespace automap::interpreter
