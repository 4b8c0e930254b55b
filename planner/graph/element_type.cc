#include "planner/graph/element_type.h"

#include "absl/strings/ascii.h"

namespace automap {

int ElementBits(int primitive_type) {
  switch (primitive_type) {
    case xla::S1:
    case xla::U1:
      return 1;
    case xla::S2:
    case xla::U2:
      return 2;
    case xla::S4:
    case xla::U4:
    case xla::F4E2M1FN:
      return 4;
    case xla::F6E3M2FN:
    case xla::F6E2M3FN:
      return 6;
    case xla::S16:
    case xla::U16:
    case xla::F16:
    case xla::BF16:
      return 16;
    case xla::S32:
    case xla::U32:
    case xla::F32:
      return 32;
    case xla::S64:
    case xla::U64:
    case xla::F64:
    case xla::C64:
      return 64;
    case xla::C128:
      return 128;
    case xla::TUPLE:
    case xla::TOKEN:
    case xla::OPAQUE_TYPE:
    case xla::PRIMITIVE_TYPE_INVALID:
    case xla::BUFFER:
      return 0;
    default:
      return 8;  // pred, s8, u8, the f8 family
  }
}

std::string ElementTypeName(int primitive_type) {
  if (primitive_type == xla::OPAQUE_TYPE) return "opaque";
  return absl::AsciiStrToLower(
      xla::PrimitiveType_Name(static_cast<xla::PrimitiveType>(primitive_type)));
}

bool IsFloat(int primitive_type) {
  switch (primitive_type) {
    case xla::F16:
    case xla::BF16:
    case xla::F32:
    case xla::F64:
    case xla::C64:
    case xla::C128:
    case xla::F8E5M2:
    case xla::F8E4M3FN:
    case xla::F8E4M3B11FNUZ:
    case xla::F8E5M2FNUZ:
    case xla::F8E4M3FNUZ:
    case xla::F8E4M3:
    case xla::F8E3M4:
    case xla::F4E2M1FN:
    case xla::F8E8M0FNU:
    case xla::F6E3M2FN:
    case xla::F6E2M3FN:
      return true;
    default:
      return false;
  }
}

}  // namespace automap
