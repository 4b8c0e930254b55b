#include "simulator/compute/roofline.h"

#include <algorithm>

namespace automap {
namespace {

constexpr double kMemoryEfficiency = 0.8;

double Efficiency(ComputeKind kind, NumberType type) {
  const bool is_wide = type == NumberType::kF32 || type == NumberType::kF64;
  switch (kind) {
    case ComputeKind::kMatmul:
      return is_wide ? 0.67 : 0.70;
    case ComputeKind::kConvolution:
      return is_wide ? 2.0 : 0.60;
    case ComputeKind::kMemory:
      return 1.0;
  }
  return 1.0;
}

}  // namespace

Seconds KernelTime(const DeviceType& device, const ComputeStep& step) {
  const FlopsPerSecond rate =
      device.peak[static_cast<int>(step.type)] * Efficiency(step.kind, step.type);
  const Seconds arithmetic = step.flops / rate;
  const Seconds traffic = step.bytes / (device.memory_bandwidth * kMemoryEfficiency);
  return std::max(arithmetic, traffic) + device.launch * step.launches;
}

}  // namespace automap
