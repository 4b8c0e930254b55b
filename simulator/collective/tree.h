// Tree all-reduce: chains inside servers, two binary trees between them, up and down again.
//
// With the symbols of ring.h and g devices in a server:
//
//   c + 2 ((g-1) a + ceil(log2 k) A) + 2 B / (0.92 w) (1 + ramp)
//
// with the ramp of protocol.h for a delay of 2 ceil(log2 k) A. Its steps grow with log k instead of
// k, so it wins for small tensors on many servers; every byte crosses twice, and not 2 (n-1)/n
// times, and pipelining costs 8 % (NCCL, src/graph/tuning.cc).
#pragma once

#include "simulator/collective/collective_model.h"
#include "simulator/collective/protocol.h"

namespace automap {

// Infinite inside one server, where it is a slower ring.
class TreeModel final : public CurveModel {
 public:
  explicit constexpr TreeModel(const Protocol& protocol) : protocol_(protocol) {}
  TransferCurve CurveOf(const GroupPath& path) const override;

 private:
  const Protocol& protocol_;
};

}  // namespace automap
