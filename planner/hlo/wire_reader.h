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

 private:
  // Nothing when it is cut short.
  std::optional<uint64_t> Varint();
  absl::Status Skip(size_t count);
  absl::Status Broken(absl::string_view what) const;

  absl::string_view bytes_;
  int64_t base_;
  size_t position_ = 0;
};

}  // namespace automap
