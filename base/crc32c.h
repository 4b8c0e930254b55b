// CRC-32C (Castagnoli), as storage systems use it for chunks. No Debian library has it.
#pragma once

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace automap {

// Bits reversed, initial value and final xor all ones: Crc32c("123456789") is 0xe3069283.
inline uint32_t Crc32c(absl::string_view bytes) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t word = i;
      for (int bit = 0; bit < 8; ++bit) word = (word >> 1) ^ ((word & 1) != 0 ? 0x82f63b78u : 0);
      table[i] = word;
    }
    return table;
  }();
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

}  // namespace automap
