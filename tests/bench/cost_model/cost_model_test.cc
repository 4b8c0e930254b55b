#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/evaluate.h"
#include "tests/bench/cost_model/errors.h"
#include "tests/bench/cost_model/residuals.h"
#include "tests/bench/cost_model/transformer.h"
#include "tests/bench/cost_model/wide_resnet.h"

namespace automap {
namespace {

// Korthikanti's 22B model: eight-way tensor parallel, micro-batch 4.
TransformerStep Model22B() {
  TransformerStep step;
  step.hidden = 6144, step.heads = 64, step.layers = 48, step.vocab = 51200, step.sequence = 2048;
  step.tensor = 8, step.micro_batch = 4, step.batch = 4;
  return step;
}

double SavedMib(TransformerStep step) { return DenseLayer(step).saved.value / (1 << 20); }

TEST(DenseLayer, SaveWhatThePaperCounts) {
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

TEST(DenseLayer, CountTheFlopsOfThePaper) {
  TransformerStep step = Model22B();
  step.tensor = 1;
  double flops = 0;
  for (const Step& item : DenseLayer(step).forward.steps)
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

double CollectiveBytes(const Program& program, CollectiveKind kind) {
  double bytes = 0;
  for (const Step& step : program.steps) {
    const auto* collective = std::get_if<CollectiveStep>(&step);
    if (collective != nullptr && collective->kind == kind) bytes += collective->bytes.value;
  }
  return bytes;
}

TEST(DenseLayer, MovesAsMuchWithSequenceParallelismButForOneInput) {
  TransformerStep step = Model22B();
  const double activation = 2.0 * 2048 * 4 * 6144;
  EXPECT_EQ(CollectiveBytes(DenseLayer(step).forward, CollectiveKind::kAllReduce), 2 * activation);
  EXPECT_EQ(CollectiveBytes(DenseLayer(step).backward, CollectiveKind::kAllReduce), 2 * activation);
  step.sequence_parallel = true;
  const ModelPart layer = DenseLayer(step);
  EXPECT_EQ(CollectiveBytes(layer.forward, CollectiveKind::kAllGather), 2 * activation);
  EXPECT_EQ(CollectiveBytes(layer.forward, CollectiveKind::kReduceScatter), 2 * activation);
  EXPECT_EQ(CollectiveBytes(layer.backward, CollectiveKind::kReduceScatter), 2 * activation);
  EXPECT_EQ(CollectiveBytes(layer.backward, CollectiveKind::kAllGather), 4 * activation)
      << "gradients, and the inputs once more";
}

TEST(ExpertLayer, HoldsTheParametersThatThePaperStates) {
  TransformerStep step;
  step.hidden = 768, step.heads = 16, step.layers = 8, step.vocab = 32000, step.sequence = 1024;
  step.widening = 8, step.experts = 16, step.expert_group = 2048, step.data = 2;
  const ModelPart layer = ExpertLayer(step);
  const double all = 4 * (layer.parameters + layer.expert_parameters * step.data) +
                     4 * DenseLayer(step).parameters + step.embedding_parameters();
  EXPECT_NEAR(all, 0.6857e9, 0.004e9);
}

double Flops(const Program& program) {
  double flops = 0;
  for (const Step& step : program.steps) {
    if (const auto* compute = std::get_if<ComputeStep>(&step)) flops += compute->flops.value;
  }
  return flops;
}

TEST(ExpertLayer, HasNoGradientOfTheDispatchMask) {
  TransformerStep step;
  step.hidden = 768, step.heads = 16, step.layers = 8, step.vocab = 32000, step.sequence = 1024;
  step.widening = 8, step.experts = 16, step.expert_group = 2048, step.micro_batch = 2;
  const ModelPart layer = ExpertLayer(step);
  const double mask = 2.0 * 4096 * 768 * 2048;
  EXPECT_NEAR(Flops(layer.backward), 2 * Flops(layer.forward) - mask, 1);
}

TEST(PredictStep, GradientsOfOneMicroBatchComeAsActivationsGo) {
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("a100x8x1-200gbps"));
  ModelPart early, late;
  early.saved = {1e9}, late.parameters = 1e9;
  StepLayout layout;
  layout.state_bytes = 0;
  const auto peak = [&](const std::vector<ModelPart>& parts) {
    return PredictStep({parts}, layout, cluster)->peak.value;
  };
  EXPECT_EQ(peak({early, late}), 2e9 + 2e9 + 1e9) << "weights, gradients, activations";
  EXPECT_EQ(peak({late, early}), 2e9 + 2e9) << "what was saved goes before the gradients come";
  layout.micro_batches = 2;
  EXPECT_EQ(peak({late, early}), 2e9 + 2e9 + 1e9) << "sums over micro-batches stay";
}

TEST(WideResNet, HoldsTheParametersThatThePaperStates) {
  const std::pair<double, double> published[] = {
      {160, 0.254123e9}, {224, 0.495046e9}, {320, 1.005653e9}, {448, 1.965011e9}};
  for (const auto& [filters, parameters] : published) {
    WideResNetStep step;
    step.filters = filters, step.width_factor = 2;
    EXPECT_NEAR(ParametersOf(step), parameters, 1e-3 * parameters);
  }
}

TEST(OrderOf, CountsPairsThatDiffer) {
  EXPECT_EQ(OrderOf({{{1, 1}, {2, 2}, {3, 1.5}}}).pairs, 3);
  EXPECT_NEAR(OrderOf({{{1, 1}, {2, 2}, {3, 1.5}}}).tau, 1.0 / 3, 1e-12);
  EXPECT_EQ(OrderOf({{{1, 1}, {2, 1.01}}, {{1, 1}, {1, 2}}}).pairs, 0)
      << "measured alike, or one plan";
}

TEST(DoubtFrom, CoversNineOfTen) {
  Residuals residuals;
  for (int i = 0; i < 100; ++i)
    residuals.steps.push_back({"set", "", {{1}, {0}, {0}}, 1 + 0.001 * i});
  const DoubtConstants doubt = DoubtFrom(residuals);
  EXPECT_NEAR(doubt.compute, 0.057, 0.001) << "the root mean square of 0 to 9.9 %";
  EXPECT_NEAR(doubt.compute * doubt.nine_of_ten, 0.09, 0.001);
}

}  // namespace
}  // namespace automap
