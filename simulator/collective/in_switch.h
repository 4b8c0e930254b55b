// All-reduce that the switch inside a server adds up (NVLink SHARP): every device sends its tensor
// once and gets the sum once, so
//
//   d + B / w (1 + q / (B + q))
//
// with d = 10 us there and back, q as in protocol.h for a delay of 25 us (NCCL's latency of it),
// and the bandwidth w that the switch reaches: 0.6 of the wire on H200. Both were fitted on the
// sweep of 8 H200; on B200 it is 0.6 times 0.74 / 0.85, the ratio of what NCCL counts for the
// generations.
#pragma once

#include "simulator/collective/collective_model.h"

namespace automap {

// Infinite where there is no such switch, or the group leaves its server.
class InSwitchModel final : public CurveModel {
 public:
  TransferCurve CurveOf(const GroupPath& path) const override;
};

}  // namespace automap
