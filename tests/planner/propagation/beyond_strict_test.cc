// Propagation beyond strict: what becomes possible, and that it stays sound.
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/propagation/find_cuts.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/hlo_text.h"
#include "tests/support/random_graph.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

PropagationOptions Allowing(int64_t axis_size, bool Semantics::*option) {
  PropagationOptions options = {axis_size, {}};
  options.semantics.*option = true;
  return options;
}

// A step over activations [sequence, batch, width], merged to rows for the matmul.
constexpr char kSequenceFirst[] = R"(HloModule sequence_first

ENTRY main {
  x = f32[32,16,64] parameter(0)
  w = f32[64,64] parameter(1)
  rows = f32[512,64] reshape(x)
  y = f32[512,64] dot(rows, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  back = f32[32,16,64] reshape(y)
  ROOT z = f32[32,16,64] add(back, x)
}
)";

TEST(CompositeSplits, ASequenceFirstBatchPassesTheMergeOfItsRows) {
  const Graph graph = GraphFromText(kSequenceFirst);
  const Roles roles = *InferRoles(graph, {});
  const Wiring wiring(graph, roles);
  const TensorDim batch = {graph.parameters()[0].tensor, 1};
  Propagation strict(wiring, {4, {}});
  EXPECT_EQ(strict.Split(batch)->kind, ConflictClass::kNeedsWhole);
  Propagation composite(wiring, Allowing(4, &Semantics::composite_splits));
  ASSERT_FALSE(composite.Split(batch));
  const TensorId rows = graph.results(0)[0];
  EXPECT_EQ(composite.split(rows), (TensorDim{rows, 0, 32}));
  const TensorId result = graph.outputs()[0].tensor;
  EXPECT_EQ(composite.split(result), (TensorDim{result, 1, 1}));
}

TEST(CompositeSplits, WhatLeavesTheStepIsNotStrided) {
  const Graph graph = GraphFromText(R"(HloModule m

ENTRY main {
  x = f32[32,16] parameter(0)
  ROOT rows = f32[512] reshape(x)
}
)");
  const Wiring wiring(graph, *InferRoles(graph, {}));
  Propagation composite(wiring, Allowing(4, &Semantics::composite_splits));
  const auto conflict = composite.Split({graph.parameters()[0].tensor, 1});
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, ConflictClass::kNeedsWhole);
}

TEST(CompositeSplits, TwoOutersOfOneDimConflict) {
  const Graph graph = GraphFromText(R"(HloModule m

ENTRY main {
  a = f32[8,16] parameter(0)
  b = f32[4,32] parameter(1)
  x = f32[128] reshape(a)
  y = f32[128] reshape(b)
  s = f32[128] add(x, y)
  ROOT r = f32[8,16] reshape(s)
}
)");
  const Wiring wiring(graph, *InferRoles(graph, {}));
  Propagation composite(wiring, Allowing(4, &Semantics::composite_splits));
  ASSERT_FALSE(composite.Split({graph.parameters()[0].tensor, 1}));
  const auto conflict = composite.Split({graph.parameters()[1].tensor, 1});
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, ConflictClass::kTwoFactors);
}

TEST(Padding, TwelveHeadsGoOnEightDevices) {
  const auto module = PrepareZoo("t5-base-paper");
  const auto strict =
      FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {8, {}});
  const auto padded = FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable,
                                        Allowing(8, &Semantics::padding));
  EXPECT_LT(padded.infeasible.size(), strict.infeasible.size());
  for (const LinkageGroup& group : padded.groups) {
    for (const ParameterDim& member : group.members) {
      const TensorId tensor = module->graph().parameters()[member.parameter].tensor;
      EXPECT_EQ(module->graph().tensor(tensor).dims[member.dim] % 8, 0);
    }
  }
}

TEST(Reshards, TwoGathersUnlockTheHiddenPlanOfBert) {
  const auto module = PrepareZoo("bert-48");
  const auto found = FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable,
                                       Allowing(4, &Semantics::reshards));
  EXPECT_EQ(found.groups.front().members.size(), 583u);
  EXPECT_LE(found.groups.front().cuts.size(), 2u);
  for (const InfeasibleDim& item : found.infeasible) {
    EXPECT_EQ(item.conflict.kind, ConflictClass::kNotDivisible);
  }
}

TEST(Reshards, ACumulativeSumOverTokensCostsOneGather) {
  const Graph graph = GraphFromText(R"(HloModule m

add {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT s = f32[] add(a, b)
}

ENTRY main {
  x = f32[512,64] parameter(0)
  zero = f32[] constant(0)
  sums = f32[512] reduce(x, zero), dimensions={1}, to_apply=add
  positions = f32[512] reduce-window(sums, zero), window={size=512 pad=511_0}, to_apply=add
  spread = f32[512,64] broadcast(positions), dimensions={0}
  ROOT y = f32[512,64] add(x, spread)
}
)");
  const Wiring wiring(graph, *InferRoles(graph, {}));
  Cuts cuts(wiring);
  Propagation propagation(wiring, Allowing(4, &Semantics::reshards));
  propagation.SetCuts(&cuts);
  ASSERT_TRUE(FindCuts({graph.parameters()[0].tensor, 0}, propagation, cuts));
  ASSERT_EQ(cuts.list().size(), 1u);
  EXPECT_EQ(graph.node(cuts.list()[0].node).opcode, Opcode::kReduceWindow);
}

// Every operand that is split is used as its node works, or cut.
void CheckSound(const Propagation& state, const Cuts& cuts) {
  const Wiring& wiring = state.wiring();
  for (TensorId tensor = 0; tensor < wiring.graph().tensor_count(); ++tensor) {
    if (state.split_dim(tensor) < 0) continue;
    for (const Wiring::Use& use : wiring.uses(tensor)) {
      if (cuts.Has(use)) continue;
      const Selection selection = state.SelectionOf(use, state.split(tensor));
      ASSERT_FALSE(selection.refusal) << wiring.graph().Path(use.node);
      EXPECT_EQ(selection.factor, state.selected(use.node));
      EXPECT_EQ(selection.outer, state.selected_outer(use.node));
    }
    const TensorId parameter = wiring.replaces(tensor);
    if (parameter >= 0 && !cuts.HasReplacement(tensor)) {
      EXPECT_EQ(state.split_dim(parameter), state.split_dim(tensor));
    }
  }
}

TEST(BeyondStrict, RandomGraphsStaySoundAndLoseNothingThatStrictAllows) {
  int freed = 0, composite_gains = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const auto random = MakeRandomGraph(seed);
    PropagationOptions options = {2, {}};
    options.semantics = {false, true, true, true, true};
    PropagationOptions composite = Allowing(2, &Semantics::composite_splits);
    for (const TensorDim& place : random->places) {
      if (random->graph.tensor(place.tensor).dims[place.dim] % 2 != 0) continue;
      const bool is_strict = !Propagation(*random->wiring, {2, {}}).Split(place);
      Propagation inner(*random->wiring, composite);
      const bool is_composite = !inner.Split(place);
      EXPECT_TRUE(is_composite || !is_strict || random->wiring->is_border(place.tensor));
      composite_gains += is_composite && !is_strict;
      Cuts cuts(*random->wiring);
      Propagation state(*random->wiring, options);
      state.SetCuts(&cuts);
      if (!FindCuts(place, state, cuts)) continue;
      freed += !is_strict;
      CheckSound(state, cuts);
      Propagation again(*random->wiring, options);
      again.SetCuts(&cuts);
      ASSERT_FALSE(again.Split(place));
      EXPECT_EQ(again.trail().size(), state.trail().size());
      if (HasFailure()) FAIL() << "seed " << seed << "\n" << random->text;
    }
  }
  EXPECT_GT(freed, 100);
  RecordProperty("composite_gains", composite_gains);
}

}  // namespace
}  // namespace automap
