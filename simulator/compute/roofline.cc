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

// Share of a matrix product's arithmetic that its blocks, dealt out in waves, leave of what the
// multiprocessors could do meanwhile. The last wave may leave some of them idle. Half of that loss
// is left (the square root) where libraries fill the gap: with smaller blocks, when there are fewer
// than multiprocessors, and without tensor cores, whose blocks fill a multiprocessor each.
double Busy(const DeviceType& device, const ComputeStep& step) {
  const KernelShape& shape = step.shape;
  if (device.multiprocessors <= 0 || shape.rows <= 0 || shape.columns <= 0) return 1;
  const double blocks =
      std::ceil(shape.rows / kBlock) * std::ceil(shape.columns / kBlock) * shape.batch;
  const double waves = std::ceil(blocks / device.multiprocessors);
  const double busy = blocks / (waves * device.multiprocessors);
  const auto peak_of = [&](NumberType type) { return device.peak[static_cast<int>(type)]; };
  const bool has_tensor_cores = peak_of(step.type) > peak_of(NumberType::kF32);
  return has_tensor_cores && waves > 1 ? busy : std::sqrt(busy);
}

// Share of the work that a matrix product's tiles and blocks leave of what they compute.
double Covered(const DeviceType& device, const ComputeStep& step) {
  return Filled(step.shape.rows) * Filled(step.shape.columns) * Busy(device, step);
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
      return large * Covered(device, step);
    case ComputeKind::kConvolution: {
      if (shape.winograd_padding <= 0)
        return std::min(large,
                        kDirectConvolution * TableAt(device, ComputeKind::kMatmul, step.type)) *
               Covered(device, step);
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
