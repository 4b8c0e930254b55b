#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

// The type that an element-wise operation of the catalogue works on here: f32 unless it needs
// integers, predicates or complex numbers.
std::string OperandType(Opcode opcode) {
  switch (opcode) {
    case Opcode::kAnd:
    case Opcode::kCountLeadingZeros:
    case Opcode::kMulhi:
    case Opcode::kNot:
    case Opcode::kOr:
    case Opcode::kPopcnt:
    case Opcode::kShiftLeft:
    case Opcode::kShiftRightArithmetic:
    case Opcode::kShiftRightLogical:
    case Opcode::kXor:
      return "s32";
    case Opcode::kImag:
    case Opcode::kReal:
      return "c64";
    default:
      return "f32";
  }
}

std::string ResultType(Opcode opcode) {
  switch (opcode) {
    case Opcode::kCompare:
    case Opcode::kIsFinite:
      return "pred";
    case Opcode::kComplex:
      return "c64";
    case Opcode::kImag:
    case Opcode::kReal:
      return "f32";
    case Opcode::kStochasticConvert:
      return "bf16";
    default:
      return OperandType(opcode);
  }
}

std::string Attributes(RandomModule& module, Opcode opcode) {
  constexpr const char* kDirections[] = {"EQ", "NE", "LT", "LE", "GT", "GE"};
  if (opcode == Opcode::kCompare) {
    return absl::StrCat(", direction=", kDirections[module.Below(6)]);
  }
  if (opcode == Opcode::kReducePrecision) return ", exponent_bits=5, mantissa_bits=10";
  return "";
}

void AddConvert(RandomModule& module) {
  constexpr const char* kTypes[] = {"f32", "s32", "pred"};
  const RandomValue from = module.AnyOperand(kTypes[module.Below(3)], 0);
  module.Emit(kTypes[module.Below(3)], from.dims, absl::StrCat("convert(", from.name, ")"));
}

void AddSelect(RandomModule& module) {
  const RandomValue on = module.AnyOperand("f32", 1);
  const bool is_scalar = module.Chance(20);
  const RandomValue predicate = module.Operand("pred", is_scalar ? RandomModule::Dims{} : on.dims);
  module.Emit("f32", on.dims,
              absl::StrCat("select(", predicate.name, ", ", on.name, ", ",
                           module.Operand("f32", on.dims).name, ")"));
}

void AddClamp(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const RandomModule::Dims bounds = module.Chance(50) ? RandomModule::Dims{} : x.dims;
  module.Emit("f32", x.dims,
              absl::StrCat("clamp(", module.Operand("f32", bounds).name, ", ", x.name, ", ",
                           module.Operand("f32", bounds).name, ")"));
}

void AddMap(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  std::vector<int64_t> dims;
  for (size_t d = 0; d < x.dims.size(); ++d) dims.push_back(static_cast<int64_t>(d));
  module.Emit("f32", x.dims,
              absl::StrCat("map(", x.name, ", ", module.Operand("f32", x.dims).name,
                           "), dimensions=", Braced(dims), ", to_apply=multiply_f32"));
}

}  // namespace

bool AddElementwise(RandomModule& module, Opcode opcode) {
  if (TraitsOf(opcode).kind != OpcodeKind::kElementwise) return false;
  switch (opcode) {
    case Opcode::kConvert:
      return AddConvert(module), true;
    case Opcode::kSelect:
      return AddSelect(module), true;
    case Opcode::kClamp:
      return AddClamp(module), true;
    case Opcode::kMap:
      return AddMap(module), true;
    default:
      break;
  }
  const std::string type = OperandType(opcode);
  const RandomValue first = module.AnyOperand(type, module.Chance(90) ? 1 : 0);
  std::string operands = first.name;
  if (TraitsOf(opcode).min_operands == 2) {
    const std::string second = opcode == Opcode::kStochasticConvert ? "u32" : type;
    absl::StrAppend(&operands, ", ", module.Operand(second, first.dims).name);
  }
  module.Emit(ResultType(opcode), first.dims,
              absl::StrCat(OpcodeName(opcode), "(", operands, ")", Attributes(module, opcode)));
  return true;
}

}  // namespace automap
