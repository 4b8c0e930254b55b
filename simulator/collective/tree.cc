#include "simulator/collective/tree.h"

#include <cmath>
#include <limits>

namespace automap {
namespace {
constexpr double kPipeliningEfficiency = 0.92;
}  // namespace

Seconds TreeModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  if (path.servers <= 1) return {std::numeric_limits<double>::infinity()};
  const double depth = std::ceil(std::log2(static_cast<double>(path.servers)));
  const Seconds inside = protocol_.Step(path.inside_latency) * (2.0 * (path.per_server - 1));
  const Seconds outside = protocol_.Step(path.outside_latency) * (2 * depth);
  return protocol_.base + inside + outside +
         Protocol::Transfer(2, bytes, path.ring * (kPipeliningEfficiency * protocol_.outside_share),
                            outside);
}

}  // namespace automap
