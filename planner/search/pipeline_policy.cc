#include "planner/search/pipeline_policy.h"

#include "base/sha256.h"

namespace automap {
namespace {

#include "planner/search/pipeline_policy.inc"

}  // namespace

const ShippedPolicy& ShippedPipelinePolicy() {
  static const ShippedPolicy shipped = {
      {kFeatures, kHidden, {std::begin(kParameters), std::end(kParameters)}}, kDigest, kReport};
  return shipped;
}

std::string PolicyDigest(const CandidatePolicy& policy) {
  return Sha256Hex({reinterpret_cast<const char*>(policy.parameters.data()),
                    policy.parameters.size() * sizeof(float)});
}

}  // namespace automap
