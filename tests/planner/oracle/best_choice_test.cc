#include "planner/oracle/best_choice.h"

#include <random>

#include "gtest/gtest.h"

namespace automap {
namespace {

double BruteForce(const std::vector<double>& gains,
                  const std::vector<std::vector<int32_t>>& conflicts) {
  double best = 0;
  for (uint32_t bits = 0; bits < (1u << gains.size()); ++bits) {
    double gain = 0;
    bool legal = true;
    for (size_t i = 0; i < gains.size(); ++i) {
      if ((bits >> i & 1) == 0) continue;
      gain += gains[i];
      for (const int32_t other : conflicts[i]) legal = legal && (bits >> other & 1) == 0;
    }
    if (legal) best = std::max(best, gain);
  }
  return best;
}

TEST(BestChoice, EqualsBruteForceOnRandomGraphs) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 2000; ++trial) {
    const int count = 1 + random() % 11;
    std::vector<double> gains;
    std::vector<std::vector<int32_t>> conflicts(count);
    for (int i = 0; i < count; ++i) gains.push_back(static_cast<int>(random() % 21) - 5);
    for (int i = 0; i < count; ++i) {
      for (int j = i + 1; j < count; ++j) {
        if (random() % 3 != 0) continue;
        conflicts[i].push_back(j);
        conflicts[j].push_back(i);
      }
    }
    for (auto& list : conflicts) std::sort(list.begin(), list.end());
    const Choice choice = BestChoice(gains, conflicts);
    ASSERT_TRUE(choice.is_proved);
    ASSERT_DOUBLE_EQ(choice.gain, BruteForce(gains, conflicts));
    ASSERT_DOUBLE_EQ(choice.upper_bound, choice.gain);
    double sum = 0;
    for (int i = 0; i < count; ++i) {
      if (!choice.chosen[i]) continue;
      sum += gains[i];
      for (const int32_t other : conflicts[i]) ASSERT_FALSE(choice.chosen[other]);
    }
    ASSERT_DOUBLE_EQ(sum, choice.gain);
  }
}

TEST(BestChoice, WithoutTimeItStillBounds) {
  std::vector<double> gains(30, 1);
  std::vector<std::vector<int32_t>> conflicts(30);
  for (int i = 0; i < 30; ++i)
    conflicts[i] = {std::min((i + 29) % 30, (i + 1) % 30), std::max((i + 29) % 30, (i + 1) % 30)};
  const Choice choice = BestChoice(gains, conflicts, 50);
  EXPECT_FALSE(choice.is_proved);
  EXPECT_GE(choice.upper_bound, 15);
  EXPECT_LE(choice.gain, 15);
}

}  // namespace
}  // namespace automap
