#include "simulator/evaluate.h"

#include <random>

#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

CostModel Model(const char* cluster, std::vector<Mesh::Axis> axes) {
  return *CostModel::Create(*ClusterFromProto(*ClusterPreset(cluster)), {std::move(axes), 0});
}

double AllReduce(const CostModel& model, double bytes, int axis = 0) {
  return model.StepTime(CollectiveStep{CollectiveKind::kAllReduce, axis, {bytes}, 1}).value;
}

TEST(StepTime, OfASmallCollectiveIsItsStartAndItsSteps) {
  EXPECT_NEAR(AllReduce(Model("v100x8x1-25gbps", {{"x", 8}}), 64), 29e-6 + 6.6e-6 + 14 * 0.6e-6,
              1e-8);
  EXPECT_EQ(AllReduce(Model("v100x8x1-25gbps", {{"x", 1}, {"y", 8}}), 64), 0);
}

TEST(StepTime, OfOneThatCombinesIsItsShareOfThirtyMebibytesAtMost) {
  const CostModel model = Model("v100x8x2-25gbps", {{"x", 16}});
  const double limit = 30 << 20;
  const auto combined = [&](double bytes, int64_t repeats, double together = 1e9) {
    CollectiveStep step = {CollectiveKind::kAllReduce, 0, {bytes}, repeats};
    step.combined = {together};
    return model.StepTime(step).value;
  };
  EXPECT_NEAR(combined(limit / 8, 1), AllReduce(model, limit) / 8, 1e-12);
  EXPECT_NEAR(combined(limit / 8, 3), AllReduce(model, limit) * 3 / 8, 1e-12);
  EXPECT_LT(combined(1 << 10, 1), AllReduce(model, 1 << 10) / 100);
  EXPECT_NEAR(combined(limit, 1), AllReduce(model, limit), 1e-12);
  EXPECT_EQ(combined(2 * limit, 1), AllReduce(model, 2 * limit));
  EXPECT_EQ(combined(0, 1), 0);
  EXPECT_NEAR(combined(3 << 10, 1, 4 << 10) + combined(1 << 10, 1, 4 << 10),
              AllReduce(model, 4 << 10), 1e-12)
      << "small gradients start once";
  EXPECT_EQ(combined(4 << 10, 1, 1 << 10), AllReduce(model, 4 << 10));
}

TEST(AllReduceTime, IsTheStepsTimeOnEveryAxis) {
  for (const char* cluster : {"v100x8x4-25gbps", "h100x8x1-400gbps", "a100x8x2-200gbps"}) {
    const int32_t devices = ClusterFromProto(*ClusterPreset(cluster))->device_count();
    const CostModel model = Model(cluster, {{"x", devices / 4}, {"one", 1}, {"y", 4}});
    for (const int axis : {0, 1, 2}) {
      for (const double bytes : {0.0, 1.0, 3e4, 1e6, 2.5e7, 1e9, 1e11})
        EXPECT_EQ(model.AllReduceOn(axis).Of({bytes}).value, AllReduce(model, bytes, axis));
    }
  }
}

TEST(KernelTime, IsTheRooflineAndTheLaunch) {
  const CostModel model = Model("v100x4x1-25gbps", {{"x", 4}});
  const ComputeStep compute_bound = {
      ComputeKind::kMatmul, NumberType::kF32, {1e12}, {1e6}, 1, 1, 1};
  EXPECT_NEAR(model.StepTime(compute_bound).value, 1e12 / (15.7e12 * 0.90) + 6e-6, 1e-12);
  const ComputeStep memory_bound = {ComputeKind::kMemory, NumberType::kF32, {1e6}, {1e9}, 1, 3, 0};
  EXPECT_NEAR(model.StepTime(memory_bound).value, 3 * 1e9 / (900e9 * 0.8), 1e-12);
}

TEST(CostModel, RefusesAMeshThatDoesNotFit) {
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x4x1-25gbps"));
  EXPECT_FALSE(CostModel::Create(cluster, {{{"x", 8}}, 0}).ok());
  EXPECT_FALSE(CostModel::Create(cluster, {{{"x", 4}}, 1}).ok());
  EXPECT_FALSE(CostModel::Create(cluster, {{{"x", 0}}, 0}).ok());
  EXPECT_TRUE(CostModel::Create(cluster, {{}, 0}).ok());
}

Program RandomProgram(std::mt19937& random, int steps) {
  Program program;
  const auto number = [&](double most) { return most * (random() % 1000 + 1) / 1000; };
  for (int i = 0; i < steps; ++i) {
    if (random() % 4 == 0) {
      program.steps.push_back(CollectiveStep{
          CollectiveKind::kAllReduce, 0, {number(1e8)}, 1 + static_cast<int>(random() % 3)});
    } else {
      program.steps.push_back(ComputeStep{static_cast<ComputeKind>(random() % 3),
                                          NumberType::kF32,
                                          {number(1e11)},
                                          {number(1e8)},
                                          random() % 2 == 0 ? 1 : 4,
                                          1,
                                          1});
    }
  }
  for (int i = 0; i < steps; ++i) {
    const int first = random() % steps, last = first + random() % (steps - first);
    program.buffers.push_back(
        {{number(1e9)}, first, last, static_cast<BufferRole>(random() % 5), i});
  }
  return program;
}

TEST(Evaluate, AddsUp) {
  const CostModel model = Model("v100x4x1-25gbps", {{"x", 4}});
  std::mt19937 random(5);
  for (int trial = 0; trial < 20; ++trial) {
    const Program program = RandomProgram(random, 60);
    const Evaluation result = model.Evaluate(program);
    double sum = 0;
    for (const Step& step : program.steps)
      sum += std::visit([&](const auto& item) { return model.StepTime(item).value; }, step);
    EXPECT_NEAR(result.step_time.value, sum, 1e-12 + 1e-12 * sum);
    EXPECT_DOUBLE_EQ(result.step_time.value, (result.compute + result.communication).value);
    EXPECT_TRUE(result.utilization >= 0 && result.utilization <= 1);
  }
}

TEST(TimeBehind, IsWhatOutlastsTheComputeAndWhatTheMemoryGivesUp) {
  const CostModel model = Model("v100x8x1-25gbps", {{"x", 8}});
  const CollectiveStep step = {CollectiveKind::kAllReduce, 0, {1e9}};
  const Seconds alone = model.StepTime(step);
  const double own = 3 * 1.75 * 1e9 / (900e9 * 0.8);
  EXPECT_EQ(model.TimeBehind(step, {}), alone);
  EXPECT_NEAR(model.TimeBehind(step, {alone * 0.25, {0}}).value, 0.75 * alone.value, 1e-12);
  EXPECT_NEAR(model.TimeBehind(step, {alone * 2, {0}}).value, 0, 1e-12);
  EXPECT_NEAR(model.TimeBehind(step, {alone * 2, alone}).value, own / 2, 1e-12)
      << "half of the compute waits for memory";
}

TEST(PeakOf, EqualsBruteForce) {
  std::mt19937 random(6);
  for (int trial = 0; trial < 50; ++trial) {
    const Program program = RandomProgram(random, 40);
    double most = 0;
    for (int step = 0; step < 40; ++step) {
      double live = 0;
      for (const Buffer& buffer : program.buffers)
        live += buffer.first_step <= step && step <= buffer.last_step ? buffer.bytes.value : 0;
      most = std::max(most, live);
    }
    const MemoryPeak peak = PeakOf(program.buffers, 40);
    EXPECT_NEAR(peak.bytes.value, most, 1e-6 * most);
    double by_role = 0;
    for (const Bytes& bytes : peak.by_role) by_role += bytes.value;
    EXPECT_NEAR(by_role, peak.bytes.value, 1e-6 * most);
    ASSERT_LE(peak.largest.size(), 10u);
    for (size_t i = 1; i < peak.largest.size(); ++i)
      EXPECT_GE(peak.largest[i - 1].bytes, peak.largest[i].bytes);
  }
}

}  // namespace
}  // namespace automap
