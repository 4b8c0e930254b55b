#include "simulator/doubt.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

TEST(DoubtOf, LiesAroundTheTimeAndGrowsWithCommunication) {
  const TimeInterval compute = DoubtOf({{1}, {0}, {0}}), communication = DoubtOf({{0}, {1}, {0}});
  EXPECT_LT(compute.low.value, 1);
  EXPECT_GT(compute.high.value, 1);
  EXPECT_LT(communication.low, compute.low);
  EXPECT_GT(communication.high, compute.high);
}

TEST(WinProbability, OfOneAndTheOtherAddUp) {
  const TimeParts a = {{1}, {0.5}, {0}}, b = {{1.2}, {0.4}, {0}};
  EXPECT_DOUBLE_EQ(WinProbability(a, b) + WinProbability(b, a), 1);
  EXPECT_DOUBLE_EQ(WinProbability(a, a), 0.5);
  EXPECT_GT(WinProbability(a, b), 0.5);
}

TEST(WinProbability, IsSurerWhereTheSameIsPredictedOfBoth) {
  const TimeParts a = {{1}, {0.5}, {0}}, slower = {{1.2}, {0.5}, {0}}, mixed = {{0.2}, {1.5}, {0}};
  EXPECT_GT(WinProbability(a, slower), WinProbability(a, mixed))
      << "the lead is the same, but rests on the balance of compute and communication";
}

}  // namespace
}  // namespace automap
