#include "simulator/compute/roofline.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

constexpr double kTile = 64, kSmallestTile = 8, kBlock = 128;
constexpr double kWinogradChannelsAtHalf = 80;
constexpr double kDirectConvolution = 0.70;
// Winograd's filters grow from 9 to 36 numbers: 9 are read, 36 written and read again.
constexpr double kFilterSweeps = 9;

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

// Share of the work that a matrix product's tiles and blocks leave of what they compute.
double Covered(const DeviceType& device, const KernelShape& shape) {
  return Filled(shape.rows) * Filled(shape.columns) * std::sqrt(Busy(device, shape));
}

Bytes ResultOf(const ComputeStep& step) {
  return {BytesOf(step.type) * step.shape.rows * step.shape.columns * step.shape.batch};
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
      return large * Covered(device, shape);
    case ComputeKind::kConvolution: {
      if (shape.winograd_padding <= 0)
        return std::min(large,
                        kDirectConvolution * TableAt(device, ComputeKind::kMatmul, step.type)) *
               Covered(device, shape);
      const double channels =
          shape.channels > 0 ? shape.channels / (shape.channels + kWinogradChannelsAtHalf) : 1;
      return large * channels / shape.winograd_padding;
    }
    case ComputeKind::kMemory:
      return 1;
  }
  return 1;
}

namespace {

Seconds TimeAsIs(const DeviceType& device, const ComputeStep& step) {
  const FlopsPerSecond rate = device.peak[static_cast<int>(step.type)] * EfficiencyOf(device, step);
  const BytesPerSecond swept = device.SweepBandwidth(step.type);
  Seconds arithmetic = step.flops / rate;
  if (step.kind == ComputeKind::kMatmul) arithmetic += ResultOf(step) / swept;
  if (step.shape.winograd_padding > 0) arithmetic += step.shape.filters * kFilterSweeps / swept;
  const Seconds traffic = step.bytes / swept;
  return (std::max(arithmetic, traffic) + device.launch * step.launches) * step.scale;
}

}  // namespace

Seconds KernelTime(const DeviceType& device, const ComputeStep& step) {
  const Seconds time = TimeAsIs(device, step);
  if (step.shape.winograd_padding <= 0) return time;
  ComputeStep direct = step;
  direct.shape.winograd_padding = 0;
  return std::min(time, TimeAsIs(device, direct));
}

}  // namespace automap
