#include "simulator/collective/tree.h"

#include <cmath>

namespace automap {
namespace {
constexpr double kPipeliningEfficiency = 0.92;
}  // namespace

TransferCurve TreeModel::CurveOf(const GroupPath& path) const {
  if (path.servers <= 1) return {};
  const double depth = std::ceil(std::log2(static_cast<double>(path.servers)));
  const Seconds inside = protocol_.Step(path.inside_latency) * (2.0 * (path.per_server - 1));
  const Seconds outside = protocol_.Step(path.outside_latency) * (2 * depth);
  return Protocol::Curve(protocol_.base + inside + outside, 2,
                         path.ring * (kPipeliningEfficiency * protocol_.outside_share), outside);
}

}  // namespace automap
