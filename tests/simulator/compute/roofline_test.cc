#include "simulator/compute/roofline.h"

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
  step.shape = {m, n, batch, 0, 0};
  return step;
}

TEST(EfficiencyOf, ALargeMatmulReachesTheTable) {
  const ComputeStep large = Matmul(128 * 108, 128 * 64, 4096, 1, NumberType::kBF16);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), large), 0.72);
}

TEST(EfficiencyOf, FewBlocksLeaveMultiprocessorsIdle) {
  const ComputeStep few = Matmul(128, 128 * 27, 4096, 1, NumberType::kBF16);
  EXPECT_DOUBLE_EQ(EfficiencyOf(Device("a100"), few), 0.72 * 0.5) << "27 of 108, square root";
  DeviceType unknown = Device("a100");
  unknown.multiprocessors = 0;
  EXPECT_DOUBLE_EQ(EfficiencyOf(unknown, few), 0.72);
}

TEST(EfficiencyOf, TilesAreFilled) {
  DeviceType device = Device("a100");
  device.multiprocessors = 0;
  const auto filled = [&](double rows) {
    return EfficiencyOf(device, Matmul(rows, 64, 64, 1, NumberType::kBF16)) / 0.72;
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

TEST(KernelTime, IsScaledToWhatWasMeasured) {
  ComputeStep step = Matmul(4096, 4096, 4096, 1, NumberType::kF32);
  const Seconds modelled = KernelTime(Device("v100"), step);
  step.scale = 1.25;
  EXPECT_EQ(KernelTime(Device("v100"), step).value, 1.25 * modelled.value);
}

}  // namespace
}  // namespace automap
