#include "simulator/collective/ring.h"

namespace automap {

TransferCurve RingModel::CurveOf(const GroupPath& path) const {
  const double n = path.devices, crossings = path.servers - 1;
  const bool leaves = path.servers > 1;
  const double share = leaves ? protocol_.outside_share : protocol_.inside_share;
  if (share <= 0) return {};
  const Seconds inside = protocol_.Step(path.inside_latency) * (rounds_ * (n - 1 - crossings));
  const Seconds outside = protocol_.Step(path.outside_latency) * (rounds_ * crossings);
  return Protocol::Curve(protocol_.base + inside + outside, rounds_ * (n - 1) / n,
                         path.ring * share, leaves ? outside : inside);
}

}  // namespace automap
