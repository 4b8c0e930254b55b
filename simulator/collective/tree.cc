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
  const Seconds one_way = protocol_.Step(path.inside_latency) * (path.per_server - 1) +
                          protocol_.Step(path.outside_latency) * depth;
  return protocol_.base + one_way * 2 +
         protocol_.Transfer(2, bytes, path.ring * kPipeliningEfficiency, path.outside_latency);
}

}  // namespace automap
