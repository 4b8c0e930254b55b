#include "planner/search/flat_policy.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"

namespace automap {
namespace {

#include "planner/search/flat_policy.inc"

constexpr float kMost = 32767;

}  // namespace

PackedNetwork Pack(const QNetwork& network) {
  PackedNetwork packed = {network.inputs, network.hidden, network.actions, {}, ""};
  std::string bytes;
  for (const ParameterBlock& block : network.blocks()) {
    const auto begin = network.parameters.begin() + block.offset;
    const auto end = begin + block.rows * block.columns;
    float most = 0;
    for (auto value = begin; value != end; ++value) most = std::max(most, std::abs(*value));
    const float scale = most > 0 ? most / kMost : 1;
    packed.scales.push_back(scale);
    for (auto value = begin; value != end; ++value) {
      const auto number = static_cast<uint16_t>(static_cast<int16_t>(std::lround(*value / scale)));
      bytes += static_cast<char>(number & 0xff);
      bytes += static_cast<char>(number >> 8);
    }
  }
  packed.numbers = absl::Base64Escape(bytes);
  return packed;
}

QNetwork Unpack(const PackedNetwork& packed) {
  QNetwork network = {packed.inputs, packed.hidden, packed.actions, {}};
  std::string bytes;
  absl::Base64Unescape(packed.numbers, &bytes);
  for (size_t b = 0; b < packed.scales.size(); ++b) {
    const ParameterBlock block = network.blocks()[b];
    for (int64_t i = 0; i < block.rows * block.columns; ++i) {
      const size_t at = 2 * (block.offset + i);
      const int number = static_cast<uint8_t>(bytes[at]) | static_cast<uint8_t>(bytes[at + 1]) << 8;
      network.parameters.push_back(static_cast<int16_t>(number) * packed.scales[b]);
    }
  }
  return network;
}

const ShippedFlatNetwork& ShippedFlatPolicy() {
  static const ShippedFlatNetwork shipped = {
      Unpack({kInputs, kHidden, kActions, {std::begin(kScales), std::end(kScales)}, kNumbers}),
      kDigest, kReport};
  return shipped;
}

}  // namespace automap
