#include "agent/replay/sum_tree.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace automap {
namespace {

// The first index whose prefix sum passes `position`.
int64_t SlowFind(const std::vector<double>& weights, double position) {
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (position < sum) return i;
  }
  return -1;
}

// Weights are whole numbers, so that sums are exact in any order.
RC_GTEST_PROP(SumTree, EqualsASlowPrefixSum,
              (const std::vector<std::pair<uint8_t, uint8_t>>& sets)) {
  const int64_t capacity = *rc::gen::inRange(1, 40);
  SumTree tree(capacity);
  std::vector<double> weights(capacity, 0.0);
  double total = 0;
  for (const auto& [index, weight] : sets) {
    tree.Set(index % capacity, weight % 5);
    total += weight % 5 - weights[index % capacity];
    weights[index % capacity] = weight % 5;
    RC_ASSERT(tree.total() == total);
  }
  for (double position = 0.5; position < total; ++position) {
    RC_ASSERT(tree.Find(position) == SlowFind(weights, position));
    RC_ASSERT(tree.Get(tree.Find(position - 0.5)) > 0);
  }
}

TEST(SumTree, NeverFindsAWeightOfZero) {
  SumTree tree(4);
  tree.Set(1, 0.3);
  EXPECT_EQ(tree.Find(0), 1);
  EXPECT_EQ(tree.Find(tree.total()), 1);  // rounding may ask for the very end
  tree.Set(3, 0.1);
  EXPECT_EQ(tree.Find(0.31), 3);
  EXPECT_EQ(tree.Find(tree.total()), 3);
}

// Incremental sums would drift by the million small changes.
TEST(SumTree, RoundingErrorsDoNotPileUp) {
  SumTree tree(3);
  for (int i = 0; i < 1000000; ++i) tree.Set(i % 3, i % 2 == 0 ? 1e9 : 1e-9 * i);
  for (int i = 0; i < 3; ++i) tree.Set(i, 0.25);
  EXPECT_EQ(tree.total(), 0.75);
}

}  // namespace
}  // namespace automap
