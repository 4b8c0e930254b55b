#include "tests/bench/cost_model/transformer.h"

#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

// Korthikanti's 22B model: eight-way tensor parallel, micro-batch 4.
TransformerStep Model22B() {
  TransformerStep step;
  step.hidden = 6144, step.heads = 64, step.layers = 48, step.vocab = 51200, step.sequence = 2048;
  step.tensor = 8, step.micro_batch = 4, step.batch = 4;
  return step;
}

double SavedMib(TransformerStep step) { return ProgramsOfLayer(step).saved.value / (1 << 20); }

TEST(ProgramsOfLayer, SaveWhatThePaperCounts) {
  TransformerStep step = Model22B();
  EXPECT_NEAR(SavedMib(step), 1264, 1);
  step.sequence_parallel = true;
  EXPECT_NEAR(SavedMib(step), 844, 1);
  step.recompute = Recompute::kSelective;
  EXPECT_NEAR(SavedMib(step), 204, 1);
  step.recompute = Recompute::kFull;
  EXPECT_NEAR(SavedMib(step), 96, 1);
  TransformerStep alone = Model22B();
  alone.tensor = 1;
  EXPECT_NEAR(SavedMib(alone), 6752, 1);
}

TEST(ProgramsOfLayer, CountTheFlopsOfThePaper) {
  TransformerStep step = Model22B();
  step.tensor = 1;
  double flops = 0;
  for (const Step& item : ProgramsOfLayer(step).forward.steps)
    flops += std::get<ComputeStep>(item).flops.value;
  const double h = 6144, tokens = 4 * 2048;
  EXPECT_NEAR(flops, 24 * tokens * h * h + 4 * tokens * 2048 * h, 1);
}

TEST(Predict, MoreMicroBatchesMakeTheBubbleSmaller) {
  TransformerStep step = Model22B();
  step.pipeline = 4, step.micro_batch = 1;
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("a100x8x4-200gbps"));
  const auto time_of = [&](double batch) {
    step.batch = batch;
    return Predict(step, cluster)->time.value / batch;
  };
  EXPECT_LT(time_of(32), time_of(8));
  EXPECT_LT(time_of(8), time_of(4));
}

TEST(Predict, RefusesWhatDoesNotDivide) {
  TransformerStep step = Model22B();
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("a100x8x1-200gbps"));
  EXPECT_TRUE(Predict(step, cluster).ok());
  step.micro_batch = 3;
  EXPECT_FALSE(Predict(step, cluster).ok());
  step = Model22B();
  step.pipeline = 2;
  EXPECT_FALSE(Predict(step, cluster).ok()) << "sixteen devices";
}

}  // namespace
}  // namespace automap
