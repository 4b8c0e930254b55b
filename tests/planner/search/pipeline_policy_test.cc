#include "planner/search/pipeline_policy.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/corridor_cuts.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/pipeline_sequence.h"
#include "planner/explore/pipeline/simple_cuts.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/train_pipeline_policy.h"

namespace automap {
namespace {

TEST(ShippedPipelinePolicy, IsTheOneThatItsReportIsAbout) {
  const ShippedPolicy& shipped = ShippedPipelinePolicy();
  EXPECT_EQ(PolicyDigest(shipped.network.parameters()), shipped.sha256);
  EXPECT_EQ(shipped.network.shape().token_features, PipelineSequence::kTokenFeatures);
  EXPECT_EQ(shipped.network.shape().row_features, PipelineSequence::kRowFeatures);
  EXPECT_NE(shipped.report.find("chains"), std::string::npos);
}

TEST(TrainPipelinePolicy, IsAFunctionOfItsSeed) {
  OfflineTraining training;
  training.chains = 4;
  const auto train = [&](uint64_t seed) {
    training.seed = seed;
    return TrainPipelinePolicy(training, [](const OfflineReport&) {}).parameters();
  };
  const std::vector<float> once = train(5);
  EXPECT_EQ(train(5), once);
  EXPECT_NE(train(6), once);
}

// On chains that training never saw; bench-train-pipeline judges a thousand.
TEST(ShippedPipelinePolicy, IsNearTheBestKnownOnUnseenChains) {
  std::vector<double> gaps;
  for (uint64_t seed = 3'000'000'000; gaps.size() < 40; ++seed) {
    const auto made = GeneratePipeline(seed);
    if (made->problem->devices() > 16 || made->problem->options().stages > 4) continue;
    const PipelineOutcome found = InferCuts(*made->problem, ShippedPipelinePolicy().network);
    ASSERT_TRUE(made->problem->IsLegal(found.choice));
    const PipelineBound bound = BoundOf(*made->problem);
    const double best = std::min(made->problem->Cost(bound.best).length, found.cost.length).value;
    gaps.push_back(found.cost.length.value / best - 1);
    EXPECT_GE(found.cost.length.value, bound.lower_bound.value * (1 - 1e-9));
  }
  std::sort(gaps.begin(), gaps.end());
  EXPECT_LE(gaps[gaps.size() / 2], 0.001);
  EXPECT_LE(gaps[gaps.size() * 9 / 10], 0.02);
}

// As many stages and devices as training saw, and more.
TEST(InferCuts, IsLegalAndNoWorseThanEvenCutsAtAnyDepth) {
  for (uint64_t seed = 4'000'000'000; seed < 4'000'000'006; ++seed) {
    const auto made = GeneratePipeline(seed);
    const int32_t most = std::min(made->problem->devices(), made->problem->layers());
    for (const int32_t stages : {1, 2, 7, 12, 64}) {
      const PipelineProblem problem(made->chain, made->cluster, {std::min(stages, most), 8, true});
      // What is looked at is limited, so that of many stages not even hill climbing is always over.
      PipelineCuts even = EvenCuts(problem);
      if (stages < 7) even = LocalCuts(problem, even);
      const PipelineOutcome found = InferCuts(problem, ShippedPipelinePolicy().network);
      ASSERT_TRUE(problem.IsLegal(found.choice)) << seed << " " << stages;
      EXPECT_LE(found.cost.length, problem.Cost(even).length) << seed << " " << stages;
    }
  }
}

TEST(WideLocalCuts, AreLegalAndNoWorseThanLocalOnesAndOftenBetter) {
  int better = 0;
  for (uint64_t seed = 5'000'000'000; seed < 5'000'000'040; ++seed) {
    const auto made = GeneratePipeline(seed);
    const PipelineProblem& problem = *made->problem;
    const PipelineCuts local = LocalCuts(problem, EvenCuts(problem));
    const PipelineCuts wide = WideLocalCuts(problem, EvenCuts(problem));
    ASSERT_TRUE(problem.IsLegal(wide)) << seed;
    EXPECT_LE(problem.Cost(wide).length, problem.Cost(local).length) << seed;
    better += problem.Cost(wide).length < problem.Cost(local).length;
  }
  EXPECT_GE(better, 6);
}

TEST(CorridorCuts, AreLegalAndNeverLongerAndOftenShorter) {
  int shorter = 0;
  for (uint64_t seed = 7'000'000'000; seed < 7'000'000'040; ++seed) {
    const auto made = GeneratePipeline(seed);
    const PipelineProblem& problem = *made->problem;
    const PipelineCuts even = EvenCuts(problem);
    EXPECT_EQ(CorridorCuts(problem, even, {{0}, {0}}), even) << seed;
    const PipelineCuts moved = CorridorCuts(problem, even, {{0, 1, 2, 4}, {0, 1}});
    ASSERT_TRUE(problem.IsLegal(moved)) << seed;
    EXPECT_LE(problem.Cost(moved).length, problem.Cost(even).length) << seed;
    shorter += problem.Cost(moved).length < problem.Cost(even).length;
  }
  EXPECT_GE(shorter, 20);
}

TEST(SimpleCuts, AreLegalAndTheShortestFirst) {
  for (uint64_t seed = 6'000'000'000; seed < 6'000'000'020; ++seed) {
    const auto made = GeneratePipeline(seed);
    const std::vector<PipelineCuts> all = SimpleCuts(*made->problem);
    ASSERT_FALSE(all.empty());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_TRUE(made->problem->IsLegal(all[i]));
      if (i == 0) continue;
      EXPECT_LE(made->problem->Cost(all[i - 1]).length, made->problem->Cost(all[i]).length);
    }
  }
}

TEST(GeneratePipeline, IsAFunctionOfTheSeed) {
  const auto a = GeneratePipeline(7), b = GeneratePipeline(7), c = GeneratePipeline(8);
  const PipelineCuts cuts = EvenCuts(*a->problem);
  EXPECT_EQ(a->problem->Cost(cuts).length, b->problem->Cost(cuts).length);
  EXPECT_NE(a->problem->Work(a->problem->layers()), c->problem->Work(c->problem->layers()));
}

}  // namespace
}  // namespace automap
