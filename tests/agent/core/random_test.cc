#include "agent/core/random.h"

#include <gtest/gtest.h>

#include <set>

namespace automap {
namespace {

TEST(Random, SameSeedAndStreamGiveTheSameNumbers) {
  Random first(3, 1), second(3, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.Next(), second.Next());
  Random copy = first;
  EXPECT_EQ(copy.Next(), first.Next());
}

// Not even shifted: successive seeds are what callers use.
TEST(Random, NearSeedsAndStreamsShareNoNumbers) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (uint64_t stream = 0; stream < 4; ++stream) {
      Random random(seed, stream);
      for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(random.Next()).second);
    }
  }
}

TEST(Random, BelowIsUniform) {
  Random random(5);
  int counts[7] = {};
  for (int i = 0; i < 70000; ++i) ++counts[random.Below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);  // four standard deviations
}

}  // namespace
}  // namespace automap
