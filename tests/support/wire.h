// Protobuf's wire format, for messages that no generated code would write.
#pragma once

#include <cstdint>
#include <string>

namespace automap {

// A length-delimited field.
inline std::string Field(int number, const std::string& payload) {
  std::string bytes;
  for (uint64_t value : {uint64_t(number) << 3 | 2, uint64_t(payload.size())}) {
    for (; value > 127; value >>= 7) bytes += static_cast<char>(value | 128);
    bytes += static_cast<char>(value);
  }
  return bytes + payload;
}

}  // namespace automap
