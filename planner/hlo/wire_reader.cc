#include "planner/hlo/wire_reader.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr char kCutShort[] = "a number cut short";

}  // namespace

absl::StatusOr<WireField> WireReader::Next() {
  const size_t begin = position_;
  const std::optional<uint64_t> tag = Varint();
  if (!tag) return Broken(kCutShort);
  if (*tag >> 3 == 0 || *tag > UINT32_MAX) return Broken("a field number of 0");
  WireField field = {static_cast<uint32_t>(*tag >> 3), static_cast<uint32_t>(*tag & 7), {}, {}};
  switch (field.wire_type) {
    case 0:
      if (!Varint()) return Broken(kCutShort);
      break;
    case 1:
      RETURN_IF_ERROR(Skip(8));
      break;
    case 5:
      RETURN_IF_ERROR(Skip(4));
      break;
    case kLengthDelimited: {
      const std::optional<uint64_t> size = Varint();
      if (!size) return Broken(kCutShort);
      const size_t left = bytes_.size() - position_;
      if (*size > left) {
        return Broken(absl::StrCat("a field of ", *size, " bytes where ", left, " are left"));
      }
      field.payload = bytes_.substr(position_, *size);
      position_ += *size;
      break;
    }
    default:
      return Broken(absl::StrCat("wire type ", field.wire_type));
  }
  field.bytes = bytes_.substr(begin, position_ - begin);
  return field;
}

std::optional<uint64_t> WireReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && position_ < bytes_.size(); shift += 7) {
    const uint64_t byte = static_cast<unsigned char>(bytes_[position_++]);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

absl::Status WireReader::Skip(size_t count) {
  if (count > bytes_.size() - position_) return Broken(absl::StrCat(count, " bytes cut short"));
  position_ += count;
  return absl::OkStatus();
}

absl::Status WireReader::Broken(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("module: byte ", offset(), ": ", what, ", must be an HloModuleProto"));
}

}  // namespace automap
