// What the parser makes of each field of our HLO messages: how much memory, and what is inside.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace automap {

enum class WireKind : uint8_t { kUnknown, kNumber, kNumbers, kText, kMessage };

struct WireFieldType {
  WireKind kind = WireKind::kUnknown;
  bool is_repeated = false;
  // Bytes in memory of one number.
  uint8_t number_bytes = 0;
  // Bytes on the wire of one number; 0: as many as it needs.
  uint8_t wire_bytes = 0;
  // Of a message: its index in WireTypes.
  int32_t message = -1;
};

// One kind of message.
struct WireMessageType {
  static constexpr uint32_t kFields = 128;  // no message of ours has higher numbers

  const WireFieldType& field(uint32_t number) const {
    return fields[number < kFields ? number : 0];
  }

  // Bytes in memory of an empty one.
  int64_t bytes = 0;
  // Numbers in it are a constant's value.
  bool is_literal = false;
  std::array<WireFieldType, kFields> fields;
};

// Every kind that can be inside a message of type `root`, which has index 0. Taken from the
// generated descriptors. Immutable.
class WireTypes {
 public:
  explicit WireTypes(const google::protobuf::Descriptor& root);

  const WireMessageType& at(int32_t index) const { return messages_[index]; }
  // -1 when it is not among them.
  int32_t IndexOf(const google::protobuf::Descriptor& message) const;

 private:
  int32_t Add(const google::protobuf::Descriptor& message);

  std::vector<const google::protobuf::Descriptor*> descriptors_;
  std::vector<WireMessageType> messages_;
};

}  // namespace automap
