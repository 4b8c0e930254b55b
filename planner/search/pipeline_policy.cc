#include "planner/search/pipeline_policy.h"

#include "base/sha256.h"

namespace automap {
namespace {

#include "planner/search/pipeline_policy.inc"

}  // namespace

const ShippedPolicy& ShippedPipelinePolicy() {
  static const ShippedPolicy shipped = {
      {kShape, {std::begin(kParameters), std::end(kParameters)}}, kDigest, kReport};
  return shipped;
}

std::string PolicyDigest(const std::vector<float>& parameters) {
  return Sha256Hex(
      {reinterpret_cast<const char*>(parameters.data()), parameters.size() * sizeof(float)});
}

}  // namespace automap
