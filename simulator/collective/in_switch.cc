#include "simulator/collective/in_switch.h"

#include "simulator/collective/protocol.h"

namespace automap {
namespace {
constexpr Seconds kThroughSwitch = {10e-6};
constexpr Seconds kChunk = {25e-6};
}  // namespace

TransferCurve InSwitchModel::CurveOf(const GroupPath& path) const {
  if (path.servers > 1 || path.in_switch.value <= 0) return {};
  return Protocol::Curve(kThroughSwitch, 1, path.in_switch, kChunk);
}

}  // namespace automap
