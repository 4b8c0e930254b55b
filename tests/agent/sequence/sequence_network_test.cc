#include "agent/sequence/sequence_network.h"

#include <cmath>

#include "agent/sequence/sequence_learner.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

constexpr SequenceShape kShape = {3, 16, 4, 16};

SequenceSample MakeSample(Random& random, int positions) {
  const auto values = [&](int count) {
    std::vector<float> made(count);
    for (float& value : made) value = static_cast<float>(2 * random.Uniform() - 1);
    return made;
  };
  SequenceSample sample;
  sample.tokens = std::make_shared<std::vector<float>>(values(positions * kShape.token_features));
  sample.question = {2, {3, 4, positions - 1}, values(3 * kShape.row_features), values(3)};
  sample.targets = values(3);
  sample.weights = {0.75, 0.25, 0};
  return sample;
}

// Parameters that are not 0 anywhere.
SequenceNetwork MakeNetwork(Random& random) {
  SequenceNetwork network = SequenceNetwork::Create(kShape, random);
  for (float& value : network.parameters())
    value += static_cast<float>(0.2 * (random.Uniform() - 0.5));
  return network;
}

TEST(SequenceNetwork, AddsNothingToThePriorsBeforeItHasLearned) {
  Random random(1);
  const SequenceSample sample = MakeSample(random, 12);
  const SequenceNetwork network = SequenceNetwork::Create(kShape, random);
  EXPECT_EQ(network.Score(network.Encode(*sample.tokens), sample.question), sample.question.prior);
  const SequenceNetwork learned = MakeNetwork(random), none = learned.Untrained();
  EXPECT_NE(learned.Score(learned.Encode(*sample.tokens), sample.question), sample.question.prior);
  EXPECT_EQ(none.Score(none.Encode(*sample.tokens), sample.question), sample.question.prior);
}

TEST(SequenceNetwork, SeesLayersFarBehindACandidate) {
  Random random(2);
  SequenceSample sample = MakeSample(random, 60);
  const SequenceNetwork network = MakeNetwork(random);
  const float before = network.Score(network.Encode(*sample.tokens), sample.question)[0];
  std::vector<float> tokens = *sample.tokens;
  tokens[50 * kShape.token_features] += 3;
  EXPECT_NE(network.Score(network.Encode(tokens), sample.question)[0], before);
}

// The change of the loss along the gradient and across it, by differences.
TEST(SequenceLearner, GradientIsThatOfTheLoss) {
  Random random(3);
  for (const int positions : {5, 9, 40}) {
    const SequenceSample sample = MakeSample(random, positions), other = MakeSample(random, 20);
    const SequenceSample* batch[] = {&sample, &other};
    const SequenceNetwork network = MakeNetwork(random);
    std::vector<float> gradient, ignored;
    SequenceLearner(network).Gradient(batch, gradient);
    for (const ParameterBlock& block : network.blocks()) {
      // Along a random direction within the block; its slope is the sum of two small differences.
      std::vector<float> direction(gradient.size(), 0.0f);
      double expected = 0;
      for (int64_t i = block.offset; i < block.offset + block.rows * block.columns; ++i) {
        direction[i] = static_cast<float>(2 * random.Uniform() - 1);
        expected += static_cast<double>(direction[i]) * gradient[i];
      }
      const auto loss_at = [&](float step) {
        SequenceNetwork moved = network;
        for (size_t i = 0; i < direction.size(); ++i) moved.parameters()[i] += step * direction[i];
        return SequenceLearner(moved).Gradient(batch, ignored);
      };
      constexpr float kStep = 1e-3f;
      const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
      EXPECT_NEAR(slope, expected, 2e-3 + 0.02 * std::abs(expected)) << block.offset;
    }
  }
}

TEST(SequenceLearner, LearnsAndDoesSoTheSameWayAgain) {
  const auto train = [] {
    Random random(4);
    const SequenceSample sample = MakeSample(random, 12);
    SequenceLearner learner(SequenceNetwork::Create(kShape, random));
    const SequenceSample* batch[] = {&sample};
    const double first = learner.Step(batch, 1e-2);
    double last = first;
    for (int step = 0; step < 200; ++step) last = learner.Step(batch, 1e-2);
    EXPECT_LT(last, first / 100);
    return learner.network().parameters();
  };
  EXPECT_EQ(train(), train());
}

}  // namespace
}  // namespace automap
