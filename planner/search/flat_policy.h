// The paper's flat network for cuts as it ships with the program.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/rainbow/q_network.h"

namespace automap {

// A network whose parameters are whole numbers of 16 bits times one scale for each block: two bytes
// for each parameter, least significant first, as base64.
struct PackedNetwork {
  int inputs = 0, hidden = 0, actions = 0;
  std::vector<float> scales;
  std::string numbers;
};

// Rounded to the nearest; packing what was unpacked changes nothing.
PackedNetwork Pack(const QNetwork& network);
QNetwork Unpack(const PackedNetwork& packed);

struct ShippedFlatNetwork {
  QNetwork network;
  std::string sha256;  // of the parameters' bytes, unpacked
  std::string report;  // how it was trained; docs/benchmarks.md tells how good it is
};

// flat_policy.inc, which `bench-train-pipeline --preset paper` writes.
const ShippedFlatNetwork& ShippedFlatPolicy();

}  // namespace automap
