#include "planner/search/pipeline_policy.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_inference.h"

namespace automap {
namespace {

TEST(ShippedPipelinePolicy, IsTheOneThatItsReportIsAbout) {
  const ShippedPolicy& shipped = ShippedPipelinePolicy();
  EXPECT_EQ(PolicyDigest(shipped.policy), shipped.sha256);
  EXPECT_EQ(shipped.policy.features, PipelineEnvironment::kCandidateFeatures);
  EXPECT_NE(shipped.report.find("episodes"), std::string::npos);
}

// On chains that training never saw; bench-train-pipeline judges a thousand.
TEST(ShippedPipelinePolicy, IsNearTheBestKnownOnUnseenChains) {
  std::vector<double> gaps;
  for (uint64_t seed = 3'000'000'000; gaps.size() < 40; ++seed) {
    const auto made = GeneratePipeline(seed);
    if (made->problem->devices() > 16 || made->problem->options().stages > 4) continue;
    const PipelineOutcome found = InferCuts(*made->problem, ShippedPipelinePolicy().policy);
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

TEST(GeneratePipeline, IsAFunctionOfTheSeed) {
  const auto a = GeneratePipeline(7), b = GeneratePipeline(7), c = GeneratePipeline(8);
  const PipelineCuts cuts = EvenCuts(*a->problem);
  EXPECT_EQ(a->problem->Cost(cuts).length, b->problem->Cost(cuts).length);
  EXPECT_NE(a->problem->Work(a->problem->layers()), c->problem->Work(c->problem->layers()));
}

}  // namespace
}  // namespace automap
