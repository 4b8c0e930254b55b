#include "planner/explore/pipeline/best_so_far.h"

#include "gtest/gtest.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/simple_cuts.h"

namespace automap {
namespace {

// Ends moved at random, some of them out of order.
PipelineCuts Moved(PipelineCuts cuts, Random& random) {
  const auto move = [&](int32_t& end) { end += static_cast<int32_t>(random.Below(7)) - 3; };
  for (uint64_t i = 0; i <= random.Below(3); ++i) {
    const size_t s = random.Below(cuts.layer_ends.size() - 1);
    if (random.Below(2) == 0) move(cuts.layer_ends[s]);
    if (random.Below(2) == 0) move(cuts.device_ends[s]);
  }
  return cuts;
}

// Layers that fill the memory of a device or not.
void AddMemory(LayerChain& chain, double bytes, Random& random) {
  for (Layer& layer : chain.layers) layer.saved = {bytes * random.Uniform()};
}

class BestSoFars : public testing::TestWithParam<bool> {};

TEST_P(BestSoFars, JudgeCutsAsTheProblemDoes) {
  const bool ignore_memory = GetParam();
  Random random(1);
  int taken = 0, illegal = 0, too_large = 0;
  for (uint64_t seed = 7'000'000'000; seed < 7'000'000'060; ++seed) {
    const auto made = GeneratePipeline(seed);
    AddMemory(made->chain, 3e9, random);
    PipelineProblemOptions options = made->problem->options();
    options.ignore_memory = ignore_memory;
    const PipelineProblem problem(made->chain, made->cluster, options);
    PipelineCuts best = SimpleCuts(problem).back();
    BestSoFar tracked(problem, best);
    for (int i = 0; i < 400; ++i) {
      const PipelineCuts cuts = Moved(best, random);
      const bool is_legal = problem.IsLegal(cuts);
      const bool is_better = is_legal && problem.IsBetter(problem.Cost(cuts), problem.Cost(best));
      ASSERT_EQ(tracked.Offer(cuts), is_better) << seed << " " << i;
      if (is_better) best = cuts;
      ASSERT_EQ(tracked.cuts(), best);
      taken += is_better, illegal += !is_legal;
      too_large += is_legal && !problem.Cost(cuts).fits();
    }
  }
  EXPECT_GT(taken, 500);
  EXPECT_GT(illegal, 500);
  EXPECT_GT(too_large, 500);
}

INSTANTIATE_TEST_SUITE_P(Memory, BestSoFars, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Ignored" : "Limited");
});

}  // namespace
}  // namespace automap
