#include "agent/rainbow/rainbow_agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace automap {
namespace {

AgentOptions SmallOptions() {
  AgentOptions options;
  options.hidden_units = 16;
  options.batch_size = 4;
  options.epsilon_updates = 10;
  options.epsilon_end = 0.25;
  return options;
}

TEST(RainbowAgent, ActsLegallyAtEveryEpsilon) {
  Random random(1);
  RainbowAgent agent(3, 5, SmallOptions(), /*seed=*/1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> mask(5);
    for (uint8_t& bit : mask) bit = random.Below(2);
    mask[random.Below(5)] = 1;
    const std::vector<float> observation(3, static_cast<float>(random.Uniform()));
    EXPECT_EQ(mask[agent.Act(observation, mask, (i % 3) * 0.5)], 1);
  }
}

TEST(RainbowAgent, EpsilonOneIsUniformOverTheLegalActions) {
  RainbowAgent agent(1, 4, SmallOptions(), /*seed=*/1);
  int counts[4] = {};
  const std::vector<float> observation = {1};
  const std::vector<uint8_t> mask = {1, 0, 1, 1};
  for (int i = 0; i < 3000; ++i) ++counts[agent.Act(observation, mask, 1)];
  EXPECT_EQ(counts[1], 0);
  for (const int action : {0, 2, 3}) EXPECT_NEAR(counts[action], 1000, 110);
}

TEST(RainbowAgent, ExploringTakesWhatWasNotTriedTheBestFirst) {
  AgentOptions options = SmallOptions();
  options.explore_untried = true;
  RainbowAgent agent(1, 4, options, /*seed=*/1);
  const std::vector<float> observation = {1}, other = {2};
  std::vector<uint8_t> mask = {1, 1, 1, 0};
  const int best = agent.Act(observation, mask, 0);
  mask[best] = 0;
  const int second = agent.Act(observation, mask, 0);
  mask[second] = 0;
  const int third = agent.Act(observation, mask, 0);

  RainbowAgent fresh(1, 4, options, /*seed=*/1);
  mask = {1, 1, 1, 0};
  for (const int expected : {best, second, third})
    EXPECT_EQ(fresh.Act(observation, mask, 1), expected);
  int counts[4] = {};
  for (int i = 0; i < 3000; ++i) ++counts[fresh.Act(observation, mask, 1)];  // all were tried
  EXPECT_EQ(counts[3], 0);
  EXPECT_GT(counts[third], 900);
  std::set<int> elsewhere;
  for (int i = 0; i < 3; ++i) elsewhere.insert(fresh.Act(other, mask, 1));
  EXPECT_EQ(elsewhere.size(), 3);
}

TEST(RainbowAgent, WhatIsFollowedCountsAsTried) {
  AgentOptions options = SmallOptions();
  options.explore_untried = true;
  RainbowAgent agent(1, 3, options, /*seed=*/1);
  const std::vector<float> observation = {1};
  const std::vector<uint8_t> mask = {1, 1, 0};
  agent.Follow(observation, mask, 1);
  EXPECT_EQ(agent.Act(observation, mask, 1), 0);
}

// Rows of two features: the first action is worth the most, whatever was tried.
TEST(RainbowAgent, WhereAllIsExactNothingIsExplored) {
  AgentOptions options = SmallOptions();
  options.explore_untried = true;
  RainbowAgent agent(4, 2, options, /*seed=*/1, Mutation::kNone, /*candidate_features=*/2);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(agent.Act(std::vector<float>{3, 0, 2, 0}, {1, 1}, 1), 0);
  EXPECT_EQ(agent.Act(std::vector<float>{3, 1, 2, 1}, {1, 1}, 1), 0);
  EXPECT_EQ(agent.Act(std::vector<float>{3, 1, 2, 1}, {1, 1}, 1), 1);
}

// The second feature: an exact row is worth what the environment expects.
TEST(RainbowAgent, WhatIsExactIsNotCorrected) {
  AgentOptions options = SmallOptions();
  RainbowAgent agent(4, 2, options, /*seed=*/1, Mutation::kNone, /*candidate_features=*/2);
  for (int i = 0; i < options.batch_size; ++i)
    agent.Remember({3, 1, 3, 1}, 0, /*reward=*/5, {0, 0, 0, 0}, {0, 0}, /*done=*/true);
  ASSERT_TRUE(agent.Learn(0).ok());
  const std::vector<float> q = agent.Q(std::vector<float>{3, 0, 3, 1});
  EXPECT_EQ(q[0], 3);
  EXPECT_GT(q[1], 3);
}

TEST(RainbowAgent, EpsilonZeroTakesTheLargestLegalQ) {
  RainbowAgent agent(1, 4, SmallOptions(), /*seed=*/1);
  const std::vector<float> observation = {1};
  const std::vector<float> q = agent.Q(observation);
  const int best = std::max_element(q.begin(), q.end()) - q.begin();
  std::vector<uint8_t> mask(4, 1);
  EXPECT_EQ(agent.Act(observation, mask, 0), best);
  mask[best] = 0;
  const int second = agent.Act(observation, mask, 0);
  for (int action = 0; action < 4; ++action) {
    EXPECT_TRUE(action == best || q[action] <= q[second]) << action;
  }
}

TEST(RainbowAgent, EpsilonFallsLinearlyWithTheUpdates) {
  RainbowAgent agent(1, 2, SmallOptions(), /*seed=*/1);
  ASSERT_TRUE(agent.Learn(0).ok());
  EXPECT_EQ(agent.updates(), 0);  // no batch yet
  for (int i = 0; i < 4; ++i) agent.Remember({1}, 0, 1, {1}, {0, 0}, true);
  for (int update = 0; update < 15; ++update) {
    EXPECT_DOUBLE_EQ(agent.epsilon(), 1 - 0.75 * std::min(1.0, update / 10.0));
    ASSERT_TRUE(agent.Learn(0).ok());
  }
}

}  // namespace
}  // namespace automap
