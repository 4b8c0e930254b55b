#include "simulator/compute/roofline.h"

#include <cmath>

#include "gtest/gtest.h"
#include "simulator/cluster/device_type_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

DeviceType Device(const char* name) { return *DeviceTypeFromProto(*KnownDeviceType(name), name); }

ComputeStep Matmul(double m, double n, double k, double batch, NumberType type) {
  ComputeStep step;
  step.kind = ComputeKind::kMatmul;
  step.type = type;
  step.flops = {2 * m * n * k * batch};
  step.bytes = {2 * batch * (m * k + k * n + m * n)};
  step.shape = {.rows = m, .columns = n, .batch = batch};
  return step;
}

TEST(EfficiencyOf, ALargeMatmulReachesTheTable) {
  const ComputeStep large = Matmul(128 * 108, 128 * 64, 4096, 1, NumberType::kBF16);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), large), 0.765);
}

TEST(EfficiencyOf, FewBlocksLeaveMultiprocessorsIdle) {
  const ComputeStep few = Matmul(128, 128 * 27, 4096, 1, NumberType::kBF16);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), few), 0.765 * 0.5) << "27 of 108, square root";
  const ComputeStep two_waves = Matmul(128, 128 * 135, 4096, 1, NumberType::kBF16);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), two_waves), 0.765 * 0.625) << "135 of 216";
  const ComputeStep single = Matmul(128, 128 * 135, 4096, 1, NumberType::kF32);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), single), 0.75 * std::sqrt(0.625));
  DeviceType unknown = Device("a100");
  unknown.multiprocessors = 0;
  EXPECT_DOUBLE_EQ(EfficiencyOf(unknown, few), 0.765);
}

TEST(EfficiencyOf, TilesAreFilled) {
  DeviceType device = Device("a100");
  device.multiprocessors = 0;
  const auto filled = [&](double rows) {
    return EfficiencyOf(device, Matmul(rows, 64, 64, 1, NumberType::kBF16)) / 0.765;
  };
  EXPECT_DOUBLE_EQ(filled(64), 1);
  EXPECT_DOUBLE_EQ(filled(65), 65.0 / 128);
  EXPECT_DOUBLE_EQ(filled(33), 33.0 / 64);
  EXPECT_DOUBLE_EQ(filled(32), 1);
  EXPECT_DOUBLE_EQ(filled(1), 1.0 / 8);
}

// Forward times of DAPPLE's VGG-19 profile on V100 in 32 bits at batch 32, bias and ReLU apart.
struct Convolution {
  const char* name;
  double size, in, out, measured_ms;
};
const Convolution kConvolutions[] = {
    {"64 -> 64 at 224", 224, 64, 64, 7.2},
    {"128 -> 128 at 112", 112, 128, 128, 5.0},
    {"512 -> 512 at 28", 28, 512, 512, 2.9},
};

TEST(KernelTime, OfConvolutionsBeatsThePeak) {
  for (const Convolution& convolution : kConvolutions) {
    const double pixels = 32 * convolution.size * convolution.size;
    ComputeStep step;
    step.kind = ComputeKind::kConvolution;
    step.flops = {2 * pixels * 9 * convolution.in * convolution.out};
    step.bytes = {4 * pixels * (convolution.in + convolution.out)};
    step.shape.channels = convolution.in;
    step.shape.winograd_padding = 1;
    ComputeStep sweeps;  // bias and ReLU read and write each
    sweeps.bytes = {4 * pixels * convolution.out * 4};
    const DeviceType v100 = Device("v100");
    const double ms = 1e3 * (KernelTime(v100, step) + KernelTime(v100, sweeps)).value;
    EXPECT_NEAR(ms, convolution.measured_ms, 0.15 * convolution.measured_ms) << convolution.name;
  }
}

TEST(KernelTime, AShortSumDoesNotHideItsResult) {
  const DeviceType v100 = Device("v100");
  const double result = 2 * 8192.0 * 8192 / (900e9 * 0.8) + 6e-6;
  const auto beyond_arithmetic = [&](double depth) {
    const ComputeStep step = Matmul(8192, 8192, depth, 1, NumberType::kF16);
    return (KernelTime(v100, step) - step.flops / (v100.peak[1] * EfficiencyOf(v100, step))).value;
  };
  EXPECT_NEAR(beyond_arithmetic(4096), result, 1e-9);
  EXPECT_NEAR(beyond_arithmetic(512), result, 1e-9) << "as much for an eighth of the arithmetic";
}

// 2048 channels in and out.
ComputeStep ManyFilters(double places) {
  const double channels = 2048;
  ComputeStep step;
  step.kind = ComputeKind::kConvolution;
  step.flops = {2 * 9 * places * channels * channels};
  step.bytes = {4 * (2 * places * channels + 9 * channels * channels)};
  step.shape = {.rows = places, .columns = channels, .channels = channels};
  step.shape.winograd_padding = 1;
  step.shape.filters = {4 * 9 * channels * channels};
  return step;
}

TEST(KernelTime, FewPlacesForEachFilterLeaveLittleOfWinograd) {
  const DeviceType v100 = Device("v100");
  const auto rate = [&](double places) {
    const ComputeStep step = ManyFilters(places);
    return step.flops.value / (KernelTime(v100, step) - v100.launch).value / 15.7e12;
  };
  EXPECT_GT(rate(256 * 16 * 16), 2) << "many places make the transformed filters cheap";
  EXPECT_LT(rate(16 * 16), 1);
  ComputeStep direct = ManyFilters(64);
  direct.shape.winograd_padding = 0;
  EXPECT_EQ(KernelTime(v100, ManyFilters(64)), KernelTime(v100, direct)) << "the shorter way";
}

TEST(KernelTime, IsScaledToWhatWasMeasured) {
  ComputeStep step = Matmul(4096, 4096, 4096, 1, NumberType::kF32);
  const Seconds modelled = KernelTime(Device("v100"), step);
  step.scale = 1.25;
  EXPECT_EQ(KernelTime(Device("v100"), step).value, 1.25 * modelled.value);
}

}  // namespace
}  // namespace automap
