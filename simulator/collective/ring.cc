#include "simulator/collective/ring.h"

namespace automap {

Seconds RingModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  const double n = path.devices, crossings = path.servers - 1;
  const Seconds steps = protocol_.Step(path.inside_latency) * (n - 1 - crossings) +
                        protocol_.Step(path.outside_latency) * crossings;
  const Seconds slowest = path.servers > 1 ? path.outside_latency : path.inside_latency;
  return protocol_.base + steps * rounds_ +
         protocol_.Transfer(rounds_ * (n - 1) / n, bytes, path.ring, slowest);
}

}  // namespace automap
