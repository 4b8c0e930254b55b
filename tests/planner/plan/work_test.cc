#include "planner/plan/work.h"

#include "gtest/gtest.h"
#include "planner/graph/build_graph.h"
#include "planner/plan/convolution_work.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// XLA's own counts by instruction, added up in double precision: `tests/xla/flops.py --table` with
// jaxlib 0.10.2, which compares opcode by opcode as well.
struct XlaCount {
  const char* module;
  double flops, transcendentals;
};
const XlaCount kXlaCounts[] = {
    {"bert-48", 32088097583349, 4931640124},
    {"mlp-jax-0.10", 213787990, 1088},
    {"mlp", 213787414, 1088},
    {"resnet50", 1515828303742, 90624},
    {"scan-lm-7b", 186864115764879, 20681687010},
    {"t5-11b-paper", 1492319108780048, 79221934082},
    {"t5-11b", 1492188201766928, 79218739202},
    {"t5-3b-paper", 374325291870224, 20029550594},
    {"t5-3b", 374291054651408, 20028715010},
    {"t5-base-paper", 28068159441168, 3658491138},
    {"t5-base", 28064383277328, 3658398978},
    {"t5-small-dropout", 1769753233706, 390971906},
    {"tf-vgg19", 7285826657973, 128064},
    {"torch-xla-cnn", 5345335328, 2144},
    {"vgg19", 7274789019330, 128000},
};

TEST(ArithmeticOf, EqualsXlasOwnCountsOnTheZoo) {
  for (const XlaCount& expected : kXlaCounts) {
    const auto graph = BuildGraph(*ReadModule(ReadZooFile(expected.module, ".hlo.pb.gz")));
    ASSERT_TRUE(graph.ok()) << expected.module << ": " << graph.status();
    Arithmetic sum;
    for (NodeId node = 0; node < graph->node_count(); ++node) {
      const Arithmetic arithmetic = ArithmeticOf(*graph, node);
      sum.flops += arithmetic.flops;
      sum.transcendentals += arithmetic.transcendentals;
    }
    // An instruction's count is a 32-bit float in XLA.
    EXPECT_NEAR(sum.flops, expected.flops, 1e-7 * expected.flops) << expected.module;
    EXPECT_NEAR(sum.transcendentals, expected.transcendentals, 1e-7 * expected.transcendentals);
  }
}

int64_t BruteForce(const xla::WindowDimension& window, int64_t input, int64_t output) {
  int64_t valid = 0;
  for (int64_t o = 0; o < output; ++o) {
    for (int64_t k = 0; k < window.size(); ++k) {
      const int64_t place =
          o * window.stride() + k * window.window_dilation() - window.padding_low();
      valid += place >= 0 && place <= (input - 1) * window.base_dilation() &&
               place % window.base_dilation() == 0;
    }
  }
  return valid;
}

TEST(ValidPositions, EqualsBruteForce) {
  uint64_t random = 1;
  const auto next = [&](int64_t from, int64_t to) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return from + static_cast<int64_t>((random >> 33) % static_cast<uint64_t>(to - from + 1));
  };
  for (int trial = 0; trial < 5000; ++trial) {
    xla::WindowDimension window;
    window.set_size(next(1, 9));
    window.set_stride(next(1, 4));
    window.set_window_dilation(next(1, 4));
    window.set_base_dilation(next(1, 6));
    window.set_padding_low(next(-3, 8));
    const int64_t input = next(1, 20), output = next(1, 30);
    ASSERT_EQ(ValidPositions(window, input, output), BruteForce(window, input, output))
        << window.ShortDebugString() << " input " << input << " output " << output;
  }
}

TEST(ValidPositions, OfHugeWindowsIsQuick) {
  xla::WindowDimension window;
  window.set_size(int64_t{1} << 40);
  window.set_stride(1);
  window.set_window_dilation(1);
  window.set_base_dilation(1);
  EXPECT_GT(ValidPositions(window, int64_t{1} << 41, int64_t{1} << 20), 0);
}

}  // namespace
}  // namespace automap
