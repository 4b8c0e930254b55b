#include "base/units.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

TEST(Units, BytesOverBandwidthIsSeconds) {
  EXPECT_EQ(Bytes{6e9} / BytesPerSecond{3e9}, Seconds{2});
  EXPECT_EQ(Flops{1e12} / FlopsPerSecond{2e12}, Seconds{0.5});
}

TEST(Units, SameUnitsAddCompareAndScale) {
  EXPECT_EQ(Seconds{1} + 2 * Seconds{3}, Seconds{7});
  EXPECT_LT(Bytes{1}, Bytes{2});
  EXPECT_DOUBLE_EQ(Seconds{6} / Seconds{3}, 2.0);
}

}  // namespace
}  // namespace automap
