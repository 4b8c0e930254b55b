#include "planner/hlo/text_literal.h"

#include <cmath>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

// The text up to the parenthesis that closes the constant.
absl::StatusOr<absl::string_view> Inside(TextCursor& cursor) {
  const size_t begin = cursor.position();
  int64_t depth = 0;
  const absl::string_view rest = cursor.rest();
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '(' || rest[i] == '{') ++depth;
    if (rest[i] == ')' && depth == 0) {
      cursor.set_position(begin + i);
      return rest.substr(0, i);
    }
    if (rest[i] == ')' || rest[i] == '}') --depth;
  }
  return cursor.Error("a constant without end", "closed by ')'");
}

uint16_t HalfBits(double value, int mantissa_bits) {
  const float as_float = static_cast<float>(value);
  uint32_t bits = 0;
  std::memcpy(&bits, &as_float, sizeof(bits));
  if (mantissa_bits == 7) return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  const uint16_t sign = bits >> 16 & 0x8000;
  if (std::isnan(value)) return 0x7e00;
  if (std::isinf(as_float) || std::abs(as_float) > 65504) return sign | 0x7c00;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(as_float), &exponent);
  if (as_float == 0) return sign;
  if (exponent < -13)
    return sign | static_cast<uint16_t>(std::lround(std::ldexp(std::abs(as_float), 24)));
  return static_cast<uint16_t>(sign + ((exponent + 14) << 10) +
                               std::lround((2 * fraction - 1) * 1024));
}

bool ParseNumber(absl::string_view word, double& value) {
  if (word == "true" || word == "false") return value = word == "true", true;
  if (absl::StartsWith(word, "nan(") || word == "-nan" || absl::StartsWith(word, "-nan("))
    return value = std::nan(""), true;
  return absl::SimpleAtod(word, &value);
}

void AppendBytes(std::string& bytes, uint64_t bits, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(bits >> (8 * i));
}

// Adds one element; false for a word that is no number of the type.
bool Append(xla::LiteralProto& literal, int type, absl::string_view word) {
  double value = 0;
  int64_t integer = 0;
  uint64_t natural = 0;
  const bool is_integer = absl::SimpleAtoi(word, &integer);
  switch (type) {
    case xla::S32:
      return is_integer ? literal.add_s32s(integer), true : false;
    case xla::S64:
      return is_integer ? literal.add_s64s(integer), true : false;
    case xla::U32:
      return is_integer ? literal.add_u32s(integer), true : false;
    case xla::U64:
      return absl::SimpleAtoi(word, &natural) ? literal.add_u64s(natural), true : false;
    case xla::S8:
      return is_integer ? AppendBytes(*literal.mutable_s8s(), integer, 1), true : false;
    case xla::U8:
      return is_integer ? AppendBytes(*literal.mutable_u8s(), integer, 1), true : false;
    case xla::S16:
      return is_integer ? AppendBytes(*literal.mutable_s16s(), integer, 2), true : false;
    case xla::U16:
      return is_integer ? AppendBytes(*literal.mutable_u16s(), integer, 2), true : false;
    default:
      break;
  }
  if (!ParseNumber(word, value)) return false;
  switch (type) {
    case xla::PRED:
      literal.add_preds(value != 0);
      break;
    case xla::F32:
      literal.add_f32s(static_cast<float>(value));
      break;
    case xla::F64:
      literal.add_f64s(value);
      break;
    case xla::C64:
      literal.add_c64s(static_cast<float>(value));
      break;
    case xla::C128:
      literal.add_c128s(value);
      break;
    case xla::F16:
      AppendBytes(*literal.mutable_f16s(), HalfBits(value, 10), 2);
      break;
    case xla::BF16:
      AppendBytes(*literal.mutable_bf16s(), HalfBits(value, 7), 2);
      break;
    default:
      break;
  }
  return true;
}

}  // namespace

absl::Status ReadLiteral(TextCursor& cursor, xla::HloInstructionProto& instruction) {
  const size_t begin = cursor.position();
  ASSIGN_OR_RETURN(const absl::string_view text, Inside(cursor));
  const int type = instruction.shape().element_type();
  if (type == xla::TUPLE || type == xla::TOKEN || absl::StrContains(text, "..."))
    return absl::OkStatus();
  xla::LiteralProto& literal = *instruction.mutable_literal();
  *literal.mutable_shape() = instruction.shape();
  // Text lists the values by index, whatever the layout of the array.
  xla::LayoutProto& layout = *literal.mutable_shape()->mutable_layout();
  layout.clear_minor_to_major();
  for (int dim = instruction.shape().dimensions_size(); dim-- > 0;) layout.add_minor_to_major(dim);
  if (!instruction.shape().has_layout()) *instruction.mutable_shape() = literal.shape();
  TextCursor values(cursor.text().substr(0, begin + text.size()));
  values.set_position(begin);
  while (!values.AtEnd()) {
    const char next = values.Peek();
    if (next == '{' || next == '}' || next == ',' || next == '(' || next == ')') {
      values.set_position(values.position() + 1);
      continue;
    }
    const size_t place = values.position();
    const absl::string_view word = values.Run();
    if (!Append(literal, type, word)) {
      values.set_position(place);
      return values.Unexpected("a number of the constant's type");
    }
    // The payload of nan(0x...).
    if ((word == "nan" || word == "-nan") && values.Peek() == '(') (void)values.AnyValue();
  }
  return absl::OkStatus();
}

}  // namespace automap
