// Ring algorithms: every device talks to one neighbour, in lock step.
//
// With n devices on k servers, a full tensor of B bytes, base latency c, step latency a inside a
// server and A between servers, and bandwidth w of the slowest hop:
//
//   all-reduce                  c + 2 (n-k) a + 2 (k-1) A + ... + 2 (n-1)/n B/w
//   all-gather, reduce-scatter  the half of its steps and bytes
//
// where a round of n - 1 steps crosses servers k - 1 times (k > 1), and protocol.h adds its ramp
// with the delay of the slowest hops: 2 (k-1) A, inside one server 2 (n-1) a. Worked example: 1 GB
// over 8 V100 at 130 GB/s: 8.4 us + 14 * 3.4 us + 1.75 GB / 130 GB/s = 13.52 ms, and 1.6 % for the
// ramp.
#pragma once

#include "simulator/collective/collective_model.h"
#include "simulator/collective/protocol.h"

namespace automap {

// `rounds` times around: 2 for all-reduce, 1 for all-gather and reduce-scatter.
// Infinite for a protocol that cannot leave a server, where the group does.
class RingModel final : public CurveModel {
 public:
  constexpr RingModel(int rounds, const Protocol& protocol)
      : rounds_(rounds), protocol_(protocol) {}
  TransferCurve CurveOf(const GroupPath& path) const override;

 private:
  int rounds_;
  const Protocol& protocol_;
};

}  // namespace automap
