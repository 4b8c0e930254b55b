// The seam for collectives: one algorithm each, priced from the path that its devices share.
#pragma once

#include "base/units.h"
#include "simulator/program.h"

namespace automap {

// The devices of one mesh axis' group and the slowest link between neighbours in the ring they
// form.
struct GroupPath {
  int32_t devices = 1;
  BytesPerSecond bandwidth;  // what one group reaches per device, after efficiency and contention
  Seconds latency;           // of one ring step, worst neighbour
  Seconds base;              // of starting the collective at all
  bool operator==(const GroupPath&) const = default;
};

// Contract (executed against every model in the catalogue): 0 for one device; finite, >= 0, never
// falling when bytes or devices grow; never below the bytes that must cross the slowest link, over
// its bandwidth.
class CollectiveModel {
 public:
  virtual ~CollectiveModel() = default;
  // Seconds for a full tensor of `bytes` that each device contributes to.
  virtual Seconds Time(const GroupPath& path, Bytes bytes) const = 0;
};

}  // namespace automap
