#include "planner/plan/communication.h"

#include <map>

#include "gtest/gtest.h"
#include "planner/propagation/find_cuts.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/hlo_text.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// A module from text with what its collectives are found with.
struct Prepared {
  explicit Prepared(absl::string_view text)
      : graph(GraphFromText(text)),
        roles(*InferRoles(graph, {})),
        wiring(graph, roles),
        lowering(wiring, roles) {}

  TensorId parameter(int p) const { return graph.parameters()[p].tensor; }

  Graph graph;
  Roles roles;
  Wiring wiring;
  Lowering lowering;
};

std::vector<PlacedCollective> Collectives(const Prepared& module, const Semantics& semantics,
                                          int64_t axis_size, const std::vector<TensorDim>& splits) {
  Propagation state(module.wiring, {axis_size, semantics});
  for (const TensorDim& split : splits) EXPECT_FALSE(state.Split(split));
  const Propagation* axes[] = {&state};
  return CollectivesOf(module.lowering, 0, axes);
}

Semantics Deferred() {
  Semantics semantics;
  semantics.deferred_sums = true;
  return semantics;
}

// Three products of one split array, added up: q, k and v seen from behind.
constexpr char kThreeSums[] = R"(HloModule three_sums

ENTRY main {
  x = f32[16,64] parameter(0)
  a = f32[64,32] parameter(1)
  b = f32[64,32] parameter(2)
  c = f32[64,2,16] parameter(3)
  u = f32[16,32] dot(x, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  v = f32[16,32] dot(x, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  w = f32[16,2,16] dot(x, c), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  flat = f32[16,32] reshape(w)
  s = f32[16,32] add(u, v)
  t = f32[16,32] add(s, flat)
  ROOT e = f32[16,32] exponential(t)
}
)";

TEST(Communication, StrictCombinesEverySumAtOnce) {
  const Prepared module(kThreeSums);
  const auto found = Collectives(module, {}, 4, {{module.parameter(0), 1}});
  EXPECT_EQ(SumOf(CollectiveKind::kAllReduce, found).count, 3);
  EXPECT_EQ(SumOf(CollectiveKind::kAllReduce, found).bytes, 3 * 16 * 32 * 4);
}

TEST(Communication, DeferredSumsAreAddedUpFirst) {
  const Prepared module(kThreeSums);
  const auto found = Collectives(module, Deferred(), 4, {{module.parameter(0), 1}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(module.graph.node(found[0].node).instruction->name(), "t");
}

TEST(Communication, ASumWithTwoReadersIsCombinedAtOnce) {
  const Prepared module(R"(HloModule m

ENTRY main {
  x = f32[16,64] parameter(0)
  a = f32[64,32] parameter(1)
  u = f32[16,32] dot(x, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  n = f32[16,32] negate(u)
  ROOT t = f32[16,32] multiply(n, u)
}
)");
  const auto found = Collectives(module, Deferred(), 4, {{module.parameter(0), 1}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(module.graph.node(found[0].node).instruction->name(), "u");
}

// What only results wait for is combined; what a product waits for, if only in the loop's next
// turn, is not.
TEST(Communication, OnlySumsThatNoProductWaitsForCombine) {
  const Prepared module(R"(HloModule m, input_output_alias={ {0}: (1, {}, may-alias) }

body {
  p = (s32[], f32[16,64], f32[64,64], f32[64]) parameter(0)
  i = s32[] get-tuple-element(p), index=0
  h = f32[16,64] get-tuple-element(p), index=1
  a = f32[64,64] get-tuple-element(p), index=2
  m = f32[64] get-tuple-element(p), index=3
  one = s32[] constant(1)
  j = s32[] add(i, one)
  u = f32[16,64] dot(h, a), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  t = f32[16,64] tanh(u)
  zero = f32[] constant(0)
  v = f32[64] reduce(t, zero), dimensions={0}, to_apply=sum
  w = f32[64] add(m, v)
  n = f32[64] reduce(t, zero), dimensions={0}, to_apply=sum
  scale = f32[16,64] broadcast(n), dimensions={1}
  next = f32[16,64] multiply(t, scale)
  ROOT r = (s32[], f32[16,64], f32[64,64], f32[64]) tuple(j, next, a, w)
}

cond {
  p = (s32[], f32[16,64], f32[64,64], f32[64]) parameter(0)
  i = s32[] get-tuple-element(p), index=0
  n = s32[] constant(3)
  ROOT c = pred[] compare(i, n), direction=LT
}

sum {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b)
}

ENTRY main {
  x = f32[16,64] parameter(0)
  a = f32[64,64] parameter(1)
  z = s32[] constant(0)
  zero = f32[] constant(0)
  m = f32[64] broadcast(zero), dimensions={}
  p = (s32[], f32[16,64], f32[64,64], f32[64]) tuple(z, x, a, m)
  loop = (s32[], f32[16,64], f32[64,64], f32[64]) while(p), condition=cond, body=body
  h = f32[16,64] get-tuple-element(loop), index=1
  g = f32[64,64] dot(h, x), lhs_contracting_dims={0}, rhs_contracting_dims={0}
  last = f32[64] get-tuple-element(loop), index=3
  ROOT r = (f32[64,64], f32[64]) tuple(g, last)
}
)");
  const auto rows = Collectives(module, {}, 4, {{module.parameter(0), 0}});
  std::map<std::string, bool> combines;
  for (const PlacedCollective& placed : rows) {
    combines[module.graph.node(placed.node).instruction->name()] = placed.step.combined.value > 0;
  }
  const std::map<std::string, bool> expected = {{"v", true}, {"n", false}, {"g", true}};
  EXPECT_EQ(combines, expected);
}

TEST(Communication, AMaximumIsNoSum) {
  const Prepared module(R"(HloModule m

max {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT m = f32[] maximum(a, b)
}

ENTRY main {
  x = f32[16,64] parameter(0)
  low = f32[] constant(-inf)
  u = f32[64] reduce(x, low), dimensions={0}, to_apply=max
  v = f32[64] reduce(x, low), dimensions={0}, to_apply=max
  ROOT t = f32[64] add(u, v)
}
)");
  const auto found = Collectives(module, Deferred(), 4, {{module.parameter(0), 0}});
  EXPECT_EQ(SumOf(CollectiveKind::kAllReduce, found).count, 2);
}

// The product is split where its other operand is, so that the sum is read in slices only.
TEST(Communication, ASumThatIsReadInSlicesIsScattered) {
  const Prepared module(R"(HloModule m

ENTRY main {
  x = f32[16,64] parameter(0)
  a = f32[64,64] parameter(1)
  u = f32[16,64] dot(x, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT m = f32[16,64] multiply(x, u)
}
)");
  const auto strict = Collectives(module, {}, 4, {{module.parameter(0), 1}});
  EXPECT_EQ(SumOf(CollectiveKind::kAllReduce, strict).count, 1);
  const auto found = Collectives(module, Deferred(), 4, {{module.parameter(0), 1}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].step.kind, CollectiveKind::kReduceScatter);
}

TEST(Communication, PaddedHeadsMoveTheirBlocks) {
  const Prepared module(R"(HloModule m

ENTRY main {
  x = f32[4,96] parameter(0)
  heads = f32[4,12,8] reshape(x)
  e = f32[4,12,8] exponential(heads)
  ROOT y = f32[4,96] reshape(e)
}
)");
  Semantics padding;
  padding.padding = true;
  Propagation strict(module.wiring, {8, {}});
  EXPECT_EQ(strict.Split({module.parameter(0), 1})->kind, ConflictClass::kNotDivisible);
  const auto found = Collectives(module, padding, 8, {{module.parameter(0), 1}});
  EXPECT_EQ(SumOf(CollectiveKind::kPermute, found).count, 2);
  Propagation state(module.wiring, {8, padding});
  ASSERT_FALSE(state.Split({module.parameter(0), 1}));
  const Propagation* axes[] = {&state};
  EXPECT_EQ(module.lowering.StepOf(1, axes).flops.value, 4 * 12 * 8 / 6.0);  // 2 heads of 12
  EXPECT_EQ(PartsOf(module.graph.results(0)[0], axes), 6);
}

TEST(Communication, TheReadersOfACutGetTheWholeArrayOnce) {
  const Prepared module(R"(HloModule m

ENTRY main {
  x = f32[16,64] parameter(0)
  r = f32[16,64] reverse(x), dimensions={0}
  q = f32[8,64] slice(x), slice={[2:10], [0:64]}
  e = f32[16,64] exponential(x)
  ROOT t = (f32[16,64], f32[8,64], f32[16,64]) tuple(r, q, e)
}
)");
  Semantics reshards;
  reshards.reshards = true;
  Cuts cuts(module.wiring);
  Propagation state(module.wiring, {4, reshards});
  state.SetCuts(&cuts);
  ASSERT_TRUE(FindCuts({module.parameter(0), 0}, state, cuts));
  EXPECT_EQ(cuts.list().size(), 2u);
  const Propagation* axes[] = {&state};
  const auto found = CollectivesOf(module.lowering, 0, axes);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].step.kind, CollectiveKind::kAllGather);
  EXPECT_EQ(found[0].step.bytes.value, 16 * 64 * 4);
  const auto copy = GatheredCopy(module.lowering, found[0]);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->last_step, module.lowering.place_of(cuts.list()[1].node));
  const Program program = module.lowering.Lower(axes);
  EXPECT_EQ(program.buffers.size(), module.lowering.buffers().size() + 1);
}

TEST(Communication, DeferredSumsOfT5MoveLess) {
  const auto module = PrepareZoo("t5-11b-paper");
  const auto found = FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {8, {}});
  for (const LinkageGroup& group : found.groups) {
    const Consequences consequences = {group.factors, group.tensors};
    const auto strict = CollectivesOf(module->lowering(), consequences, {0, 8, {}, nullptr}, {});
    const auto deferred =
        CollectivesOf(module->lowering(), consequences, {0, 8, Deferred(), nullptr}, {});
    EXPECT_LE(SumOf(CollectiveKind::kAllReduce, deferred).bytes,
              SumOf(CollectiveKind::kAllReduce, strict).bytes);
  }
}

}  // namespace
}  // namespace automap
