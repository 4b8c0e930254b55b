#include <map>

#include "gtest/gtest.h"
#include "planner/plan/prepared_module.h"
#include "simulator/memory/peak.h"
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
