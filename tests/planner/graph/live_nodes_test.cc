#include "planner/graph/live_nodes.h"

#include "gtest/gtest.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

std::vector<std::string> DeadNodes(absl::string_view text) {
  const Graph graph = GraphFromText(text);
  std::vector<std::string> dead;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    if (!graph.node(node).is_live) dead.push_back(graph.node(node).instruction->name());
  }
  return dead;
}

TEST(LiveNodes, WhatNoResultNeedsIsDead) {
  EXPECT_EQ(DeadNodes(R"(HloModule m

ENTRY main {
  x = f32[8] parameter(0)
  a = f32[8] negate(x)
  b = f32[8] exponential(a)
  c = f32[8] sine(b)
  ROOT d = f32[8] cosine(a)
}
)"),
            (std::vector<std::string>{"b", "c"}));
}

TEST(LiveNodes, LoopsKeepWhatTheyTestAndCarry) {
  EXPECT_EQ(DeadNodes(R"(HloModule m

body {
  s = (s32[], f32[8]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  v = f32[8] get-tuple-element(s), index=1
  one = s32[] constant(1)
  next = s32[] add(i, one)
  w = f32[8] multiply(v, v)
  unused = f32[8] sine(v)
  ROOT r = (s32[], f32[8]) tuple(next, w)
}

cond {
  s = (s32[], f32[8]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  n = s32[] constant(5)
  ROOT lt = pred[] compare(i, n), direction=LT
}

ENTRY main {
  x = f32[8] parameter(0)
  zero = s32[] constant(0)
  init = (s32[], f32[8]) tuple(zero, x)
  loop = (s32[], f32[8]) while(init), condition=cond, body=body
  ROOT out = f32[8] get-tuple-element(loop), index=1
}
)"),
            (std::vector<std::string>{"unused"}));
}

TEST(LiveNodes, EffectsStay) {
  EXPECT_TRUE(DeadNodes(R"(HloModule m

ENTRY main {
  x = f32[8] parameter(0)
  e = f32[8] exponential(x)
  call = f32[8] custom-call(e), custom_call_target="print", custom_call_has_side_effect=true
  ROOT d = f32[8] cosine(x)
}
)")
                  .empty());
}

}  // namespace
}  // namespace automap
