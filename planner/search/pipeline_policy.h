// The policy for cuts that was trained offline and ships with the program.
#pragma once

#include <string>
#include <vector>

#include "agent/sequence/sequence_network.h"

namespace automap {

struct ShippedPolicy {
  SequenceNetwork network;
  std::string sha256;  // of the parameters' bytes
  std::string report;  // how it was trained; docs/benchmarks.md tells how good it is
};

// pipeline_policy.inc, which `bench-train-pipeline` writes.
const ShippedPolicy& ShippedPipelinePolicy();

// SHA-256 in hex of a policy's parameters.
std::string PolicyDigest(const std::vector<float>& parameters);

}  // namespace automap
