#include "simulator/collective/in_switch.h"

#include <limits>

#include "simulator/collective/protocol.h"

namespace automap {
namespace {
constexpr Seconds kBase = {25e-6};
}  // namespace

Seconds InSwitchModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  if (path.servers > 1 || path.in_switch.value <= 0)
    return {std::numeric_limits<double>::infinity()};
  return kBase + kSimple.Transfer(1, bytes, path.in_switch, path.inside_latency);
}

}  // namespace automap
