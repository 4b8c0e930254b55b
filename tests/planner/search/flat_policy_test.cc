#include "planner/search/flat_policy.h"

#include "gtest/gtest.h"
#include "planner/explore/pipeline/flat_environment.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/search/flat_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/search/train_flat_policy.h"

namespace automap {
namespace {

TEST(ShippedFlatPolicy, IsTheOneThatItsReportIsAboutAndHasTheEnvironmentsShape) {
  const ShippedFlatNetwork& shipped = ShippedFlatPolicy();
  EXPECT_EQ(PolicyDigest(shipped.network.parameters), shipped.sha256);
  EXPECT_EQ(shipped.network.inputs, FlatPipelineEnvironment::kObservation);
  EXPECT_EQ(shipped.network.actions,
            FlatPipelineEnvironment::kPoints + FlatPipelineEnvironment::kMostDevices);
  EXPECT_NE(shipped.report.find("chains"), std::string::npos);
}

TEST(Pack, LosesLessThanAStepAndNothingTheSecondTime) {
  Random random(1, 0);
  const QNetwork network = QNetwork::Create(5, 7, 3, random);
  const QNetwork unpacked = Unpack(Pack(network));
  ASSERT_EQ(unpacked.parameters.size(), network.parameters.size());
  for (size_t i = 0; i < network.parameters.size(); ++i)
    EXPECT_NEAR(unpacked.parameters[i], network.parameters[i], 1.0 / 32767);
  EXPECT_EQ(Unpack(Pack(unpacked)).parameters, unpacked.parameters);
}

TEST(TrainFlatPolicy, IsAFunctionOfItsSeed) {
  FlatTraining training;
  training.chains = 6;
  const auto train = [&](uint64_t seed) {
    training.seed = seed;
    const auto network = TrainFlatPolicy(training, [](const FlatReport&) {});
    return network.ok() ? network->parameters : std::vector<float>();
  };
  const std::vector<float> once = train(5);
  ASSERT_FALSE(once.empty());
  EXPECT_EQ(train(5), once);
  EXPECT_NE(train(6), once);
}

TEST(InferCutsFlat, IsLegalOnUnseenChainsAndRefusesMoreStagesThanItSees) {
  for (uint64_t seed = 9'000'000'000; seed < 9'000'000'020; ++seed) {
    const auto made = GeneratePipeline(seed);
    const auto found = InferCutsFlat(*made->problem, ShippedFlatPolicy().network);
    ASSERT_TRUE(found.ok()) << seed;
    EXPECT_TRUE(made->problem->IsLegal(found->choice)) << seed;
    if (made->problem->devices() < 9) continue;
    const PipelineProblem deep(made->chain, made->cluster, {9, 4, true});
    EXPECT_EQ(InferCutsFlat(deep, ShippedFlatPolicy().network).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace automap
