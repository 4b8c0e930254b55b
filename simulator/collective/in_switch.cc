#include "simulator/collective/in_switch.h"

#include <limits>

#include "simulator/collective/protocol.h"

namespace automap {
namespace {
constexpr Seconds kThroughSwitch = {10e-6};
constexpr Seconds kChunk = {25e-6};
}  // namespace

Seconds InSwitchModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  if (path.servers > 1 || path.in_switch.value <= 0)
    return {std::numeric_limits<double>::infinity()};
  return kThroughSwitch + Protocol::Transfer(1, bytes, path.in_switch, kChunk);
}

}  // namespace automap
