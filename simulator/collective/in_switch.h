// All-reduce that the switch inside a server adds up (NVLink SHARP): every device sends its tensor
// once and gets the sum once, so
//
//   25 us + B / w
//
// with the bandwidth w that the switch reaches for it (0.6 of the wire, measured on 5 to 8 H200).
#pragma once

#include "simulator/collective/collective_model.h"

namespace automap {

// Infinite where there is no such switch, or the group leaves its server.
class InSwitchModel final : public CollectiveModel {
 public:
  Seconds Time(const GroupPath& path, Bytes bytes) const override;
};

}  // namespace automap
