#include "simulator/compute/roofline.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

constexpr double kTile = 64, kSmallestTile = 8, kBlock = 128;
constexpr double kChannelsAtHalf = 46;
constexpr double kDirectConvolution = 0.5;

// Share of the padded size that is not padding.
double Filled(double size) {
  if (size <= 0) return 1;
  double padded = std::ceil(size / kTile) * kTile;
  if (size < kTile) padded = std::max(kSmallestTile, std::exp2(std::ceil(std::log2(size))));
  return size / padded;
}

// Share of the multiprocessors that work on average, when blocks are dealt out in waves.
double Busy(const DeviceType& device, const KernelShape& shape) {
  if (device.multiprocessors <= 0 || shape.rows <= 0 || shape.columns <= 0) return 1;
  const double blocks =
      std::ceil(shape.rows / kBlock) * std::ceil(shape.columns / kBlock) * shape.batch;
  return blocks / (std::ceil(blocks / device.multiprocessors) * device.multiprocessors);
}

double TableAt(const DeviceType& device, ComputeKind kind, NumberType type) {
  return device.efficiency[static_cast<int>(kind)][static_cast<int>(type)];
}

}  // namespace

double EfficiencyOf(const DeviceType& device, const ComputeStep& step) {
  const KernelShape& shape = step.shape;
  const double large = TableAt(device, step.kind, step.type);
  switch (step.kind) {
    case ComputeKind::kMatmul:
      return large * Filled(shape.rows) * Filled(shape.columns) * std::sqrt(Busy(device, shape));
    case ComputeKind::kConvolution: {
      const double channels =
          shape.channels > 0 ? shape.channels / (shape.channels + kChannelsAtHalf) : 1;
      if (shape.winograd_padding > 0) return large * channels / shape.winograd_padding;
      return std::min(large,
                      kDirectConvolution * TableAt(device, ComputeKind::kMatmul, step.type)) *
             channels;
    }
    case ComputeKind::kMemory:
      return 1;
  }
  return 1;
}

Seconds KernelTime(const DeviceType& device, const ComputeStep& step) {
  const FlopsPerSecond rate = device.peak[static_cast<int>(step.type)] * EfficiencyOf(device, step);
  const double memory = TableAt(device, ComputeKind::kMemory, step.type);
  const Seconds arithmetic = step.flops / rate;
  const Seconds traffic = step.bytes / (device.memory_bandwidth * memory);
  return (std::max(arithmetic, traffic) + device.launch * step.launches) * step.scale;
}

}  // namespace automap
