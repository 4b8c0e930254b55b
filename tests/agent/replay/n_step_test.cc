#include "agent/replay/n_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "agent/core/random.h"

namespace automap {
namespace {

// Plays `rewards` as one episode, observing the step's number; all completed transitions.
std::vector<Transition> Play(int n, double discount, const std::vector<double>& rewards) {
  NStepBuffer buffer(n, discount);
  std::vector<Transition> all;
  for (size_t s = 0; s < rewards.size(); ++s) {
    const bool done = s + 1 == rewards.size();
    for (Transition& transition :
         buffer.Add({static_cast<float>(s)}, static_cast<int>(s), rewards[s],
                    {static_cast<float>(s + 1)}, {static_cast<uint8_t>(done ? 0 : 1)}, done)) {
      all.push_back(std::move(transition));
    }
  }
  return all;
}

TEST(NStep, OneStepIsTheStepItself) {
  const auto all = Play(1, 0.5, {3, 4});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].reward, 3);
  EXPECT_EQ(all[0].bootstrap, 0.5);
  EXPECT_EQ(all[0].next_mask, std::vector<uint8_t>{1});
  EXPECT_EQ(all[1].reward, 4);
  EXPECT_EQ(all[1].bootstrap, 0);
}

// reward = sum over the next n steps of discount^i r_i, in any order of episodes, n and discount.
TEST(NStep, EveryStepGivesOneTransitionWithItsDiscountedReturn) {
  Random random(1);
  for (int n = 1; n <= 6; ++n) {
    for (size_t length = 1; length <= 9; ++length) {
      std::vector<double> rewards;
      for (size_t s = 0; s < length; ++s) rewards.push_back(random.Uniform());
      const auto all = Play(n, 0.9, rewards);
      ASSERT_EQ(all.size(), length);
      for (size_t s = 0; s < length; ++s) {
        const size_t end = std::min(length, s + n);
        double expected = 0;
        for (size_t i = s; i < end; ++i) expected += std::pow(0.9, i - s) * rewards[i];
        EXPECT_EQ(all[s].observation, std::vector<float>{static_cast<float>(s)});
        EXPECT_EQ(all[s].action, static_cast<int>(s));
        EXPECT_NEAR(all[s].reward, expected, 1e-12);
        EXPECT_NEAR(all[s].bootstrap, end == length ? 0 : std::pow(0.9, n), 1e-12);
        EXPECT_EQ(all[s].next_observation, std::vector<float>{static_cast<float>(end)});
      }
    }
  }
}

TEST(NStep, ACutEndsWhatIsOpenAtThePresentState) {
  NStepBuffer buffer(3, 0.5);
  EXPECT_TRUE(buffer.Cut({0.0f}, {1}).empty());
  EXPECT_TRUE(buffer.Add({0}, 0, 8, {1}, {1}, false).empty());
  EXPECT_TRUE(buffer.Add({1}, 1, 4, {2}, {1}, false).empty());
  const auto cut = buffer.Cut({2.0f}, {1});
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut[0].reward, 8 + 0.5 * 4);
  EXPECT_EQ(cut[0].bootstrap, 0.25);
  EXPECT_EQ(cut[1].reward, 4);
  EXPECT_EQ(cut[1].bootstrap, 0.5);
  for (const Transition& transition : cut) {
    EXPECT_EQ(transition.next_observation, std::vector<float>{2});
    EXPECT_EQ(transition.next_mask, std::vector<uint8_t>{1});
  }
  // What follows starts anew.
  EXPECT_EQ(buffer.Add({2}, 0, 1, {3}, {0}, true).size(), 1u);
}

TEST(NStep, NothingCrossesFromOneEpisodeToTheNext) {
  NStepBuffer buffer(3, 0.5);
  EXPECT_TRUE(buffer.Add({0}, 0, 1, {1}, {1}, false).empty());
  EXPECT_EQ(buffer.Add({1}, 0, 1, {2}, {0}, true).size(), 2u);
  EXPECT_TRUE(buffer.Add({0}, 0, 1, {1}, {1}, false).empty());
}

}  // namespace
}  // namespace automap
