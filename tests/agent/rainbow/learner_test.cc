#include "agent/rainbow/learner.h"

#include <gtest/gtest.h>

#include <cmath>

namespace automap {
namespace {

constexpr int kInputs = 3, kActions = 2;

ReplayBatch RandomBatch(int size, Random& random) {
  ReplayBatch batch;
  batch.size = size;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < kInputs; ++j) batch.observations.push_back(2 * random.Uniform() - 1);
    batch.actions.push_back(random.Below(kActions));
    batch.weights.push_back(1);
  }
  return batch;
}

TEST(Learner, ErrorsAreTargetMinusQBeforeTheStep) {
  Random random(1);
  QNetwork network = QNetwork::Create(kInputs, 16, kActions, random);
  const ReplayBatch batch = RandomBatch(8, random);
  const std::vector<float> before = network.Forward(batch.observations, batch.size);
  const std::vector<float> targets = {1, 2, 3, 4, 5, 6, 7, 8};
  Learner learner(1e-3);
  const auto errors = learner.Step(batch, targets, network);
  ASSERT_TRUE(errors.ok()) << errors.status();
  for (int i = 0; i < batch.size; ++i) {
    EXPECT_NEAR((*errors)[i], targets[i] - before[i * kActions + batch.actions[i]], 1e-4);
  }
}

// Adam's first step moves a parameter by the learning rate against the sign of its gradient:
// -lr x g / (|g| + 1e-8). Checked against the smooth-L1 loss's difference quotient.
TEST(Learner, FirstStepFollowsTheGradientOfTheWeightedSmoothL1Loss) {
  Random random(2);
  const QNetwork start = QNetwork::Create(kInputs, 8, kActions, random);
  ReplayBatch batch = RandomBatch(4, random);
  batch.weights = {1, 0.5, 0.25, 1};
  const std::vector<float> targets = {0.3f, 5, -5, 0.1f};  // both branches of the loss
  const auto loss = [&](const QNetwork& network) {
    const std::vector<float> q = network.Forward(batch.observations, batch.size);
    double sum = 0;
    for (int i = 0; i < batch.size; ++i) {
      const double d = std::abs(targets[i] - q[i * kActions + batch.actions[i]]);
      sum += batch.weights[i] * (d < 1 ? d * d / 2 : d - 0.5);
    }
    return sum / batch.size;
  };
  QNetwork stepped = start;
  Learner learner(1e-3);
  ASSERT_TRUE(learner.Step(batch, targets, stepped).ok());
  int compared = 0;
  for (size_t i = 0; i < start.parameters.size(); ++i) {
    QNetwork up = start, down = start;
    up.parameters[i] += 1e-2f;
    down.parameters[i] -= 1e-2f;
    const double gradient = (loss(up) - loss(down)) / 2e-2;
    if (std::abs(gradient) < 3e-3) continue;  // too near to zero for the quotient's sign
    ++compared;
    EXPECT_NEAR(stepped.parameters[i] - start.parameters[i], gradient > 0 ? -1e-3 : 1e-3, 1e-5)
        << i;
  }
  EXPECT_GT(compared, 50);
}

TEST(Learner, RepeatedStepsReachTheTargets) {
  Random random(3);
  QNetwork network = QNetwork::Create(kInputs, 32, kActions, random);
  const ReplayBatch batch = RandomBatch(6, random);
  const std::vector<float> targets = {1, -1, 0.5, 2, 0, -2};
  Learner learner(3e-3);
  for (int step = 0; step < 1500; ++step) ASSERT_TRUE(learner.Step(batch, targets, network).ok());
  const std::vector<float> q = network.Forward(batch.observations, batch.size);
  for (int i = 0; i < batch.size; ++i)
    EXPECT_NEAR(q[i * kActions + batch.actions[i]], targets[i], 0.05);
}

TEST(Learner, WhatTorchRefusesIsInternal) {
  Random random(4);
  QNetwork network = QNetwork::Create(kInputs, 8, kActions, random);
  const QNetwork before = network;
  ReplayBatch batch = RandomBatch(2, random);
  batch.actions[1] = kActions;
  EXPECT_EQ(Learner(1e-3).Step(batch, {0, 0}, network).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(network.parameters, before.parameters);
}

}  // namespace
}  // namespace automap
