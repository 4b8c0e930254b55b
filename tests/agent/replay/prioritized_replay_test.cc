#include "agent/replay/prioritized_replay.h"

#include <gtest/gtest.h>

#include <cmath>

namespace automap {
namespace {

constexpr double kAlpha = 0.5, kEpsilon = 0.01;

// Every column tells which one it is.
Transition Numbered(int number) {
  const float f = static_cast<float>(number);
  return {{f, -f},      number,         10.0 * number,
          0.5 * number, {f + 1, f + 2}, {1, 0, static_cast<uint8_t>(number % 2)}};
}

PrioritizedReplay Filled(int64_t capacity, int count) {
  PrioritizedReplay replay(capacity, 2, 3, kAlpha, kEpsilon);
  for (int i = 0; i < count; ++i) replay.Add(Numbered(i));
  return replay;
}

TEST(PrioritizedReplay, GivesBackWhatWasAdded) {
  const PrioritizedReplay replay = Filled(8, 5);
  Random random(1);
  const ReplayBatch batch = replay.Sample(20, 0.4, random);
  ASSERT_EQ(batch.actions.size(), 20u);
  for (int i = 0; i < batch.size; ++i) {
    const Transition expected = Numbered(batch.actions[i]);
    EXPECT_EQ(batch.indices[i], expected.action);
    EXPECT_EQ(std::vector<float>(&batch.observations[2 * i], &batch.observations[2 * i] + 2),
              expected.observation);
    EXPECT_EQ(
        std::vector<float>(&batch.next_observations[2 * i], &batch.next_observations[2 * i] + 2),
        expected.next_observation);
    EXPECT_EQ(std::vector<uint8_t>(&batch.next_masks[3 * i], &batch.next_masks[3 * i] + 3),
              expected.next_mask);
    EXPECT_EQ(batch.rewards[i], expected.reward);
    EXPECT_EQ(batch.bootstraps[i], expected.bootstrap);
  }
}

TEST(PrioritizedReplay, ForgetsTheOldestFirst) {
  const PrioritizedReplay replay = Filled(4, 6);  // 2 .. 5 are left
  EXPECT_EQ(replay.size(), 4);
  Random random(1);
  for (const int64_t action : replay.Sample(100, 0.4, random).actions) EXPECT_GE(action, 2);
}

TEST(PrioritizedReplay, DrawsInProportionToThePriority) {
  PrioritizedReplay replay = Filled(4, 4);
  double total = 0;
  for (int i = 0; i < 4; ++i) {
    replay.SetPriority(i, i % 2 == 0 ? i : -i);  // the sign of the error does not matter
    EXPECT_DOUBLE_EQ(replay.priority(i), std::pow(i + kEpsilon, kAlpha));
    total += replay.priority(i);
  }
  Random random(1);
  int counts[4] = {};
  for (const int64_t index : replay.Sample(40000, 0.4, random).indices) ++counts[index];
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(counts[i], 40000 * replay.priority(i) / total, 2);
}

// weight = (N P)^-beta over the largest: with beta 1, weight x priority is the same for all.
TEST(PrioritizedReplay, WeightsUndoThePriorities) {
  PrioritizedReplay replay = Filled(8, 5);
  for (int i = 0; i < 5; ++i) replay.SetPriority(i, 1 + i);
  Random random(1);
  const ReplayBatch full = replay.Sample(50, 1, random), none = replay.Sample(50, 0, random);
  for (int i = 0; i < 50; ++i) {
    EXPECT_NEAR(full.weights[i] * replay.priority(full.indices[i]), replay.priority(0), 1e-6);
    EXPECT_EQ(none.weights[i], 1);
  }
}

TEST(PrioritizedReplay, NewOnesGetTheLargestPrioritySeen) {
  PrioritizedReplay replay = Filled(4, 2);
  replay.SetPriority(0, 100);
  replay.SetPriority(0, 0);
  replay.Add(Numbered(2));
  EXPECT_DOUBLE_EQ(replay.priority(2), std::pow(100 + kEpsilon, kAlpha));
}

}  // namespace
}  // namespace automap
