#include <map>

#include "gtest/gtest.h"
#include "planner/plan/prepared_module.h"
#include "simulator/memory/peak.h"
#include "tests/support/files.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// argument_size_in_bytes of XLA's memory_analysis (tests/xla/memory.py, jaxlib 0.10.2).
const std::map<std::string, double> kXlaArguments = {
    {"mlp", 3481920},
    {"mlp-jax-0.10", 3481920},
    {"vgg19", 1187873352},
    {"tf-vgg19", 613204396},
    {"torch-xla-cnn", 68121480},
    {"resnet50", 243204160},
    {"t5-base", 2675203080},
    {"t5-small-dropout", 726169616},
    {"t5-3b", 34219540488},
    {"scan-lm-7b", 79785410564},
};

TEST(Memory, ArgumentsAreXlasToTheByte) {
  for (const auto& [name, bytes] : kXlaArguments) {
    const auto module = PrepareZoo(name);
    double arguments = 0;
    for (const Buffer& buffer : module->lowering().buffers())
      arguments += buffer.role == BufferRole::kActivation ? 0 : buffer.bytes.value;
    EXPECT_EQ(arguments, bytes) << name;
  }
}

TEST(Memory, DonatedStateCountsOnce) {
  const auto module = PrepareZoo("t5-base");
  const Program program = module->lowering().Lower({});
  const MemoryPeak peak = PeakOf(program.buffers, static_cast<int32_t>(program.steps.size()));
  const double variables = peak.by_role[static_cast<int>(BufferRole::kVariable)].value;
  EXPECT_NEAR(peak.by_role[static_cast<int>(BufferRole::kOptimizerState)].value, 2 * variables,
              0.001 * variables)
      << "two moments, not four";
}

std::unique_ptr<const PreparedModule> Prepared(const std::string& text) {
  return *PreparedModule::Create(text, {});
}

// The sum is made of arrays that live anyway, so its two readers work it out again.
TEST(Memory, WhoReadsWhatIsWorkedOutAgainReadsWhatItIsMadeOf) {
  const auto module = Prepared(
      "HloModule m\nENTRY e {\n  a = f32[1024] parameter(0)\n  b = f32[1024] parameter(1)\n"
      "  s = f32[1024] add(a, b)\n  n = f32[1024] negate(s)\n  m = f32[1024] abs(s)\n"
      "  ROOT r = (f32[1024], f32[1024]) tuple(n, m)\n}\n");
  ASSERT_NE(module, nullptr);
  const Graph& graph = module->graph();
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    const Opcode opcode = graph.node(node).opcode;
    if (opcode != Opcode::kNegate && opcode != Opcode::kAbs) continue;
    EXPECT_EQ(module->lowering().StepOf(node, {}).bytes.value, (2 + 1) * 4096) << node;
  }
}

// Buffers of values made in the step, by the instruction that makes them.
std::map<std::string, Buffer> Kept(const PreparedModule& module) {
  std::map<std::string, Buffer> kept;
  for (const Buffer& buffer : module.lowering().buffers()) {
    const NodeId producer = module.graph().tensor(buffer.label).producer;
    if (producer >= 0) kept[module.graph().node(producer).instruction->name()] = buffer;
  }
  return kept;
}

TEST(Memory, WhatALoopReadsFromOutsideLivesUntilItEnds) {
  const auto module = Prepared(R"(HloModule m

body {
  s = (s32[], f32[64,64], f32[64,64]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  v = f32[64,64] get-tuple-element(s), index=1
  w = f32[64,64] get-tuple-element(s), index=2
  one = s32[] constant(1)
  next = s32[] add(i, one)
  early = f32[64,64] dot(v, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  late = f32[64,64] dot(early, early), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT r = (s32[], f32[64,64], f32[64,64]) tuple(next, late, w)
}

cond {
  s = (s32[], f32[64,64], f32[64,64]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  n = s32[] constant(5)
  ROOT lt = pred[] compare(i, n), direction=LT
}

ENTRY main {
  x = f32[64,64] parameter(0)
  y = f32[64,64] parameter(1)
  weights = f32[64,64] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  zero = s32[] constant(0)
  init = (s32[], f32[64,64], f32[64,64]) tuple(zero, x, weights)
  loop = (s32[], f32[64,64], f32[64,64]) while(init), condition=cond, body=body
  ROOT out = f32[64,64] get-tuple-element(loop), index=1
}
)");
  const auto kept = Kept(*module);
  EXPECT_GE(kept.at("weights").last_step, kept.at("late").first_step);
  EXPECT_LT(kept.at("early").first_step, kept.at("weights").last_step);
}

// A norm's centred and scaled values, read in the forward and in the backward pass.
TEST(Memory, WhatIsAsLargeAsItsSourceIsWorkedOutAgain) {
  const std::string module = R"(HloModule m

ENTRY main {
  x = f32[64,64] parameter(0)
  y = f32[64,64] parameter(1)
  bias = f32[64] parameter(2)
  product = f32[64,64] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  wide = f32[64,64] broadcast(bias), dimensions={1}
  centred = f32[64,64] subtract(product, wide)
  once = f32[64,64] SHAPED(centred)
  twice = f32[64,64] multiply(centred, once)
  forward = f32[64,64] dot(twice, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT backward = f32[64,64] multiply(centred, forward)
}
)";
  const auto with = [&](const std::string& opcode) {
    std::string text = module;
    text.replace(text.find("SHAPED"), 6, opcode);
    return Kept(*Prepared(text));
  };
  const auto cheap = with("negate");
  EXPECT_FALSE(cheap.contains("centred"));
  EXPECT_EQ(cheap.at("product").last_step, cheap.at("backward").first_step);
  std::string text = module;
  text.replace(text.find("subtract(product, wide)"), 23, "tanh(product)");
  text.replace(text.find("SHAPED"), 6, "negate");
  EXPECT_TRUE(Kept(*Prepared(text)).contains("centred")) << "a series is not worked out twice";
}

// A residual sum, of which both parts are kept for their own sake.
TEST(Memory, WhatIsMadeOfArraysThatLiveAnywayIsWorkedOutAgain) {
  const auto kept = Kept(*Prepared(R"(HloModule m

ENTRY main {
  x = f32[64,64] parameter(0)
  y = f32[64,64] parameter(1)
  a = f32[64,64] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  b = f32[64,64] dot(y, x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  sum = f32[64,64] add(a, b)
  once = f32[64,64] multiply(sum, sum)
  c = f32[64,64] dot(once, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  later = f32[64,64] multiply(sum, c)
  d = f32[64,64] dot(later, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT e = f32[64,64] dot(d, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)"));
  EXPECT_FALSE(kept.contains("sum"));
  EXPECT_TRUE(kept.contains("c"));
}

TEST(Memory, ATransposedMatrixIsReadAsItIs) {
  const auto kept = Kept(*Prepared(R"(HloModule m

ENTRY main {
  x = f32[64,32] parameter(0)
  y = f32[64,16] parameter(1)
  turned = f32[32,64] transpose(x), dimensions={1,0}
  a = f32[32,16] dot(turned, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT b = f32[64,16] dot(turned, a), lhs_contracting_dims={0}, rhs_contracting_dims={0}
}
)"));
  EXPECT_FALSE(kept.contains("turned"));
  EXPECT_TRUE(kept.contains("a"));
}

// Two layers' weight gradients, listed after everything else, as a proto lists them.
TEST(Memory, GradientsAreMadeWhenWhatTheyNeedIsThere) {
  const auto module = Prepared(R"(HloModule m

ENTRY main {
  x = f32[1024,64] parameter(0)
  w = f32[64,64] parameter(1)
  v = f32[64,64] parameter(2)
  a = f32[1024,64] dot(x, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  b = f32[1024,64] tanh(a)
  c = f32[1024,64] dot(b, v), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  d = f32[1024,64] tanh(c)
  dc = f32[1024,64] dot(d, v), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  da = f32[1024,64] dot(dc, w), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  dw = f32[64,64] dot(x, da), lhs_contracting_dims={0}, rhs_contracting_dims={0}
  dv = f32[64,64] dot(b, d), lhs_contracting_dims={0}, rhs_contracting_dims={0}
  ROOT r = (f32[64,64], f32[64,64]) tuple(dw, dv)
}
)");
  const auto kept = Kept(*module);
  EXPECT_LT(kept.at("dv").first_step, kept.at("da").first_step);
  EXPECT_LT(kept.at("d").last_step, kept.at("dw").first_step);
}

TEST(Memory, AnOrderKeepsOperandsBeforeReaders) {
  for (const char* name : {"t5-small-dropout", "scan-lm-7b", "torch-xla-cnn", "resnet50"}) {
    const auto module = PrepareZoo(name);
    const Graph& graph = module->graph();
    const Lowering& lowering = module->lowering();
    std::vector<bool> is_made(graph.tensor_count(), false);
    for (const Leaf& parameter : graph.parameters()) is_made[parameter.tensor] = true;
    ASSERT_EQ(lowering.order().size(), static_cast<size_t>(graph.node_count()));
    for (const NodeId node : lowering.order()) {
      for (const TensorId operand : graph.operands(node)) {
        const bool is_outside = graph.tensor(operand).producer < 0;
        EXPECT_TRUE(is_made[operand] || is_outside) << name << " " << graph.Path(node);
      }
      for (const TensorId result : graph.results(node)) is_made[result] = true;
    }
  }
}

// tests/xla/models.py:deep_decoder without and with jax.checkpoint around its blocks, beside the
// temporaries of XLA's sequential schedule (docs/memory.md).
TEST(Memory, RematerialisationIsCountedAsTheModuleDoesIt) {
  const std::pair<const char*, double> rows[] = {{"deep_decoder", 0.1925 * (1 << 30)},
                                                 {"deep_decoder_remat", 0.06177 * (1 << 30)}};
  for (const auto& [name, bytes] : rows) {
    const std::string module = ReadTestData(std::string("kinds/") + name + ".hlo.pb.gz");
    const Program program = Prepared(module)->lowering().Lower({});
    const MemoryPeak peak = PeakOf(program.buffers, static_cast<int32_t>(program.steps.size()));
    const double activations = peak.by_role[static_cast<int>(BufferRole::kActivation)].value;
    EXPECT_NEAR(activations, bytes, 0.11 * bytes) << name;
  }
}

TEST(Memory, OfAStackedLoopHoldsWhatItCarriesThroughout) {
  const auto module = PrepareZoo("scan-lm-7b");
  const Program program = module->lowering().Lower({});
  const MemoryPeak peak = PeakOf(program.buffers, static_cast<int32_t>(program.steps.size()));
  ASSERT_EQ(peak.largest.size(), 10u);
  for (const Buffer& buffer : peak.largest) {
    EXPECT_LE(buffer.first_step, peak.step);
    EXPECT_GE(buffer.last_step, peak.step);
  }
}

}  // namespace
}  // namespace automap
