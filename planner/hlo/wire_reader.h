// Protobuf's wire format, field by field, without building messages.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

struct WireField {
  uint32_t number = 0;
  uint32_t wire_type = 0;
  absl::string_view payload;  // of length-delimited fields
  absl::string_view bytes;    // the whole field with its tag
};

inline constexpr uint32_t kLengthDelimited = 2;

// Reads the fields of one message; `base` is where it begins in the whole input, for errors.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes, int64_t base = 0) : bytes_(bytes), base_(base) {}

  bool AtEnd() const { return position_ == bytes_.size(); }
  int64_t offset() const { return base_ + static_cast<int64_t>(position_); }

  // INVALID_ARGUMENT with the byte where the format ends.
  absl::StatusOr<WireField> Next();

  // Takes the next field where its number and size are as short as nearly all are; else nothing,
  // and Next() has to tell.
  bool TakeShort(WireField& field) {
    const auto* const begin = reinterpret_cast<const uint8_t*>(bytes_.data()) + position_;
    const auto* const end = reinterpret_cast<const uint8_t*>(bytes_.data()) + bytes_.size();
    const uint8_t* at = begin;
    uint32_t tag = 0;
    if (!Short(at, end, tag) || tag >> 3 == 0) return false;
    field.number = tag >> 3;
    field.wire_type = tag & 7;
    field.payload = {};
    if (field.wire_type == kLengthDelimited) {
      uint32_t size = 0;
      if (!Short(at, end, size) || size > end - at) return false;
      field.payload = {reinterpret_cast<const char*>(at), size};
      at += size;
    } else if (field.wire_type == 0) {
      uint32_t value = 0;
      if (!Short(at, end, value)) return false;
    } else {
      return false;
    }
    field.bytes = {reinterpret_cast<const char*>(begin), static_cast<size_t>(at - begin)};
    position_ += field.bytes.size();
    return true;
  }

 private:
  // A number of one or two bytes.
  static bool Short(const uint8_t*& at, const uint8_t* end, uint32_t& number) {
    if (at == end) return false;
    number = *at++;
    if (number < 0x80) return true;
    if (at == end || *at >= 0x80) return false;
    number = (number & 0x7f) | static_cast<uint32_t>(*at++) << 7;
    return true;
  }
  // Nothing when it is cut short.
  std::optional<uint64_t> Varint();
  absl::Status Skip(size_t count);
  absl::Status Broken(absl::string_view what) const;

  absl::string_view bytes_;
  int64_t base_;
  size_t position_ = 0;
};

}  // namespace automap
