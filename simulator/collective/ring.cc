#include "simulator/collective/ring.h"

#include <limits>

namespace automap {

Seconds RingModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  const double n = path.devices, crossings = path.servers - 1;
  const bool leaves = path.servers > 1;
  const double share = leaves ? protocol_.outside_share : protocol_.inside_share;
  if (share <= 0) return {std::numeric_limits<double>::infinity()};
  const Seconds inside = protocol_.Step(path.inside_latency) * (rounds_ * (n - 1 - crossings));
  const Seconds outside = protocol_.Step(path.outside_latency) * (rounds_ * crossings);
  return protocol_.base + inside + outside +
         Protocol::Transfer(rounds_ * (n - 1) / n, bytes, path.ring * share,
                            leaves ? outside : inside);
}

}  // namespace automap
