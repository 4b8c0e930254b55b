#include "planner/explore/pipeline/pipeline_sequence.h"

#include <cmath>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/generated_chain.h"

namespace automap {
namespace {

TEST(PipelineSequence, ScoresFallWithTheGap) {
  EXPECT_EQ(PipelineSequence::ScoreOf({2.0}, {2.0}), 0);
  EXPECT_NEAR(PipelineSequence::ScoreOf({2.02}, {2.0}), -std::log(2), 1e-5);
  EXPECT_GT(PipelineSequence::ScoreOf({1.9}, {2.0}), 0);
}

TEST(PipelineSequence, HasATokenForEachEndAndARowForEachLegalAction) {
  for (uint64_t seed = 8'000'000'000; seed < 8'000'000'040; ++seed) {
    const auto made = GeneratePipeline(seed);
    PipelineEnvironmentOptions options;
    options.is_refined = true;
    PipelineEnvironment environment(*made->problem, options);
    const PipelineSequence sequence(environment);
    ASSERT_EQ(sequence.tokens().size(),
              (made->problem->layers() + 1) * PipelineSequence::kTokenFeatures);
    while (!environment.done()) {
      const SequenceQuestion question = sequence.QuestionAt(environment);
      std::vector<uint8_t> mask(environment.num_actions());
      environment.LegalActions(absl::MakeSpan(mask));
      const size_t legal = mask.size() - std::count(mask.begin(), mask.end(), 0);
      ASSERT_EQ(question.at.size(), legal);
      ASSERT_EQ(question.rows.size(), legal * PipelineSequence::kRowFeatures);
      for (size_t a = 0; a < legal; ++a) {
        EXPECT_EQ(mask[a], 1);
        EXPECT_EQ(question.at[a], environment.LayerEnd(a));
        EXPECT_GT(question.at[a], question.from);
        const PipelineCuts cuts = environment.ProjectedCuts(a);
        ASSERT_TRUE(made->problem->IsLegal(cuts)) << seed;
        EXPECT_NEAR(made->problem->Cost(cuts).length.value, environment.Projection(a).value,
                    1e-9 * environment.Projection(a).value);
      }
      for (const float value : question.rows) ASSERT_TRUE(std::isfinite(value)) << seed;
      environment.Step(static_cast<int>(legal / 2));
    }
  }
}

// The same chain in other units of time and size: nothing is seen of it.
TEST(PipelineSequence, IsRelativeInTime) {
  const auto made = GeneratePipeline(8);
  LayerChain slower = made->chain;
  for (Layer& layer : slower.layers) {
    layer.times[0].forward_scaled = layer.times[0].forward_scaled * 2;
    layer.times[0].backward_scaled = layer.times[0].backward_scaled * 2;
    layer.boundary = layer.variables = layer.gradients = Bytes{0};
  }
  LayerChain slowest = slower;
  for (Layer& layer : slowest.layers) {
    layer.times[0].forward_scaled = layer.times[0].forward_scaled * 8;
    layer.times[0].backward_scaled = layer.times[0].backward_scaled * 8;
  }
  const PipelineProblem one(slower, made->cluster, made->problem->options());
  const PipelineProblem other(slowest, made->cluster, made->problem->options());
  const PipelineEnvironment first(one, {}), second(other, {});
  const PipelineSequence a(first), b(second);
  for (size_t i = 0; i < a.tokens().size(); ++i) ASSERT_NEAR(a.tokens()[i], b.tokens()[i], 0.02);
}

}  // namespace
}  // namespace automap
