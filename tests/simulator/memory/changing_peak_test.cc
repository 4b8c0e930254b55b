#include "simulator/memory/changing_peak.h"

#include <random>

#include "gtest/gtest.h"
#include "simulator/memory/peak.h"

namespace automap {
namespace {

TEST(ChangingPeak, IsThePeakAfterEveryChange) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const int32_t steps = 1 + random() % 300;
    std::vector<Buffer> buffers(random() % 60);
    for (Buffer& buffer : buffers) {
      buffer.first_step = random() % steps;
      buffer.last_step = buffer.first_step + random() % (steps - buffer.first_step);
      buffer.bytes = {static_cast<double>(random() % 1000)};
    }
    ChangingPeak peak(buffers, steps);
    for (int change = 0; change < 50; ++change) {
      ASSERT_NEAR(peak.Peak().value, PeakOf(buffers, steps).bytes.value, 0.1) << trial;
      for (int some = random() % 4; some > 0 && !buffers.empty(); --some) {
        const int32_t b = random() % buffers.size();
        buffers[b].bytes = {static_cast<double>(random() % 1000) / 3};
        peak.Resize(b, buffers[b].bytes);
      }
    }
  }
}

TEST(ChangingPeak, DoesNotDependOnTheOrderOfChanges) {
  const std::vector<Buffer> buffers = {{{1e12 / 3}, 0, 5}, {{1e9 / 7}, 2, 9}, {{0.1}, 4, 4}};
  ChangingPeak peak(buffers, 10);
  const double before = peak.Peak().value;
  for (int i = 0; i < 1000; ++i) {
    for (int32_t b : {i % 3, (i + 1) % 3}) peak.Resize(b, Bytes{1e10 / (i + b + 1)});
  }
  for (const int32_t b : {1, 0, 2}) peak.Resize(b, buffers[b].bytes);
  EXPECT_EQ(peak.Peak().value, before);
}

}  // namespace
}  // namespace automap
