#include "simulator/collective/ring.h"

namespace automap {

Seconds RingModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  const double n = path.devices;
  return path.base + path.latency * steps_(n) + bytes * volume_(n) / path.bandwidth;
}

}  // namespace automap
