#include "planner/hlo/inline_calls.h"

#include "gtest/gtest.h"
#include "planner/graph/build_graph.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

class InlineCallsOfZoo : public testing::TestWithParam<std::string> {};

TEST_P(InlineCallsOfZoo, GivesTheSameNodesInTheSameOrder) {
  const HloModule module = *ReadModule(ZooModule(GetParam()));
  const auto inlined = InlineCalls(module);
  ASSERT_TRUE(inlined.ok()) << inlined.status();
  const Graph before = *BuildGraph(HloModule(module)), after = *BuildGraph(HloModule(*inlined));
  ASSERT_EQ(after.node_count(), before.node_count());
  ASSERT_EQ(after.tensor_count(), before.tensor_count());
  for (NodeId node = 0; node < before.node_count(); ++node) {
    ASSERT_EQ(after.node(node).opcode, before.node(node).opcode) << before.Path(node);
    ASSERT_EQ(after.operands(node), before.operands(node)) << before.Path(node);
    ASSERT_EQ(after.results(node), before.results(node)) << before.Path(node);
  }
  for (const char* opcode : {"call", "fusion"}) {
    for (const auto& instruction :
         inlined->index.computations[inlined->index.entry].proto->instructions())
      EXPECT_NE(instruction.opcode(), opcode);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, InlineCallsOfZoo, testing::ValuesIn(ZooNames()),
                         [](const auto& test) { return TestName(test.param); });

TEST(InlineCalls, RefusesMoreThanTheLimitAndOperationsInTwoHalves) {
  const HloModule module = *ReadModule(ZooModule("mlp"));
  EXPECT_EQ(InlineCalls(module, 10).status().code(), absl::StatusCode::kResourceExhausted);
  const HloModule halves = *ReadModule(R"(HloModule m
ENTRY e {
  p = f32[4] parameter(0)
  s = (f32[4], f32[4], u32[]) copy-start(p)
  ROOT d = f32[4] copy-done(s)
})");
  EXPECT_EQ(InlineCalls(halves).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace automap
