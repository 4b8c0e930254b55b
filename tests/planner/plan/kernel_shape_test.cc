#include "planner/plan/kernel_shape.h"

#include "gtest/gtest.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

// The shape of the only convolution of a module of two parameters.
KernelShape ShapeOf(const std::string& x, const std::string& w, const std::string& convolution,
                    const std::vector<double>& cuts = {}) {
  const Graph graph =
      GraphFromText("HloModule m\nENTRY e {\n  x = f32[" + x + "] parameter(0)\n  w = f32[" + w +
                    "] parameter(1)\n  ROOT c = " + convolution + "\n}\n");
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    if (graph.node(node).opcode == Opcode::kConvolution) return KernelShapeOf(graph, node, cuts);
  }
  return {};
}

const char kForward[] =
    "f32[32,28,28,128] convolution(x, w), window={size=3x3 pad=1_1x1_1}, "
    "dim_labels=b01f_01io->b01f";

TEST(KernelShapeOf, AConvolutionIsAProductOfPlacesAndChannels) {
  const KernelShape shape = ShapeOf("32,28,28,64", "3,3,64,128", kForward);
  EXPECT_EQ(shape.rows, 32 * 28 * 28);
  EXPECT_EQ(shape.columns, 128);
  EXPECT_NEAR(shape.channels, 2.0 * 64 * 128 / (64 + 128), 1e-9);
  EXPECT_EQ(shape.winograd_padding, 1);
  EXPECT_EQ(shape.filters.value, 4 * 9 * 64 * 128);
}

TEST(KernelShapeOf, SplitsMakeItSmaller) {
  const KernelShape shape =
      ShapeOf("32,28,28,64", "3,3,64,128", kForward, {4, 1, 1, 1, 1, 1, 1, 2});
  EXPECT_EQ(shape.rows, 32 * 28 * 28 / 4);
  EXPECT_EQ(shape.columns, 64);
  EXPECT_EQ(shape.filters.value, 4 * 9 * 64 * 64);
}

// The gradient of filters slides 28 x 28 gradients over the inputs, images as features.
TEST(KernelShapeOf, AFilterGradientHasTheChannelsOfItsForwardConvolution) {
  const KernelShape shape = ShapeOf("32,28,28,64", "32,28,28,128",
                                    "f32[64,3,3,128] convolution(x, w), window={size=28x28 "
                                    "pad=1_1x1_1}, dim_labels=f01b_i01o->b01f");
  EXPECT_EQ(shape.rows, 64 * 9);
  EXPECT_EQ(shape.columns, 128);
  EXPECT_NEAR(shape.channels, 2.0 * 64 * 128 / (64 + 128), 1e-9);
  EXPECT_EQ(shape.winograd_padding, 1);
  EXPECT_EQ(shape.filters.value, 4 * 9 * 64 * 128);
}

}  // namespace
}  // namespace automap
