#include "planner/explore/pipeline/updates.h"

#include "gtest/gtest.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// A scanned stack stores each layer's gradient among the others' on the way back: that is no update.
TEST(FindUpdates, StoringAGradientInABackwardLoopIsNone) {
  const auto module = PrepareZoo("scan-lm-7b");
  const Graph& graph = module->graph();
  const StepPhases phases = *FindPhases(graph, module->roles());
  const Batch batch = FindBatch(*module, 2);
  const std::vector<bool> is_update = FindUpdates(*module, phases, batch);
  int stores = 0, updates = 0;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    updates += is_update[node];
    if (graph.node(node).opcode != Opcode::kDynamicUpdateSlice || phases.is_forward[node] ||
        graph.node(node).trips < 2)
      continue;
    ++stores;
    EXPECT_FALSE(is_update[node]) << graph.Path(node);
  }
  EXPECT_GT(stores, 0);
  EXPECT_GT(updates, 0);
}

// tanh(x w + b) with momentum: the bias is read one operation before the tanh whose gradient its own
// is summed from.
constexpr char kBias[] = R"(HloModule step, input_output_alias={ {0}: (0, {}, may-alias), {1}: (1, {}, may-alias), {2}: (2, {}, may-alias) }

add {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b)
}

ENTRY main {
  w = f32[16,8] parameter(0)
  b = f32[8] parameter(1)
  m = f32[8] parameter(2)
  x = f32[4,16] parameter(3)
  zero = f32[] constant(0)
  rate = f32[] constant(0.1)
  z = f32[4,8] dot(x, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  bb = f32[4,8] broadcast(b), dimensions={1}
  sum = f32[4,8] add(z, bb)
  h = f32[4,8] tanh(sum)
  squares = f32[4,8] multiply(h, h)
  loss = f32[] reduce(squares, zero), dimensions={0,1}, to_apply=add
  dz = f32[4,8] multiply(h, squares)
  dw = f32[16,8] dot(x, dz), lhs_contracting_dims={0}, rhs_contracting_dims={0}
  db = f32[8] reduce(dz, zero), dimensions={0}, to_apply=add
  nm = f32[8] add(m, db)
  rates = f32[8] broadcast(rate), dimensions={}
  step = f32[8] multiply(nm, rates)
  nb = f32[8] subtract(b, step)
  nw = f32[16,8] subtract(w, dw)
  ROOT all = (f32[16,8], f32[8], f32[8], f32[]) tuple(nw, nb, nm, loss)
}
)";

TEST(FindPhases, ABiasKeepsItsGradientAndItsMomentum) {
  const auto module = PreparedModule::Create(kBias, {});
  ASSERT_TRUE(module.ok()) << module.status();
  const Graph& graph = (*module)->graph();
  const StepPhases phases = *FindPhases(graph, (*module)->roles());
  const auto slot_of = [&](const std::string& name) {
    for (NodeId node = 0; node < graph.node_count(); ++node) {
      if (graph.node(node).instruction->name() == name) return phases.slot_of[node];
    }
    return -1;
  };
  EXPECT_LT(slot_of("sum"), slot_of("h"));
  EXPECT_GE(slot_of("dz"), slot_of("h"));
  for (const char* name : {"db", "nm", "nb"}) EXPECT_EQ(slot_of(name), slot_of("sum")) << name;
  EXPECT_EQ(phases.home[1], slot_of("sum"));
  EXPECT_EQ(phases.home[2], phases.home[1]);
}

}  // namespace
}  // namespace automap
