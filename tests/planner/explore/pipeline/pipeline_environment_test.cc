#include "planner/explore/pipeline/pipeline_environment.h"

#include "agent/core/random.h"
#include "gtest/gtest.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/pipeline/pipeline_length.h"
#include "tests/contracts/environment_contract.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

using Reward = PipelineEnvironmentOptions::Reward;

struct Case {
  const char* module;
  const char* cluster;
  int32_t stages;
};

class Pipelines : public testing::TestWithParam<Case> {
 protected:
  Pipelines()
      : module_(PrepareZoo(GetParam().module)),
        cluster_(*ClusterFromProto(*ClusterPreset(GetParam().cluster))),
        chain_(*ChainOfModule(*module_, cluster_, 4)),
        problem_(chain_, cluster_, {GetParam().stages, 4, false}) {}

  std::unique_ptr<const PreparedModule> module_;
  Cluster cluster_;
  LayerChain chain_;
  PipelineProblem problem_;
};

TEST_P(Pipelines, EnvironmentKeepsTheContract) {
  for (const PipelineEnvironmentOptions& options :
       {PipelineEnvironmentOptions{Reward::kInverse}, PipelineEnvironmentOptions{},
        PipelineEnvironmentOptions{.is_thin = true, .is_refined = true},
        PipelineEnvironmentOptions{.is_sparse = true}}) {
    const auto make = [&] { return std::make_unique<PipelineEnvironment>(problem_, options); };
    EXPECT_EQ(CheckEnvironmentContract(make, 1), absl::OkStatus());
  }
}

// However far: nothing is looked up there.
TEST_P(Pipelines, CutsBeyondTheEndsAreNotLegal) {
  const PipelineCuts even = EvenCuts(problem_);
  ASSERT_TRUE(problem_.IsLegal(even));
  for (size_t s = 0; s < even.layer_ends.size(); ++s) {
    for (const int32_t beyond : {1, 2, 500'000'000}) {
      PipelineCuts cuts = even;
      cuts.layer_ends[s] = problem_.layers() + beyond;
      EXPECT_FALSE(problem_.IsLegal(cuts)) << s << " " << beyond;
      cuts.layer_ends[s] = -beyond;
      EXPECT_FALSE(problem_.IsLegal(cuts)) << s << " " << -beyond;
      cuts = even;
      cuts.device_ends[s] = problem_.devices() + beyond;
      EXPECT_FALSE(problem_.IsLegal(cuts)) << s << " " << beyond;
    }
  }
}

TEST_P(Pipelines, BoundIsBelowEveryCutAndItsCutsAreLegal) {
  const PipelineBound bound = BoundOf(problem_);
  ASSERT_TRUE(bound.is_found) << bound.proof;
  EXPECT_TRUE(problem_.IsLegal(bound.best));
  const PipelineCost best = problem_.Cost(bound.best);
  EXPECT_TRUE(best.fits());
  EXPECT_LE(bound.lower_bound.value, best.length.value * (1 + 1e-12));
  Random random(3);
  PipelineEnvironment environment(problem_, {});
  for (int episode = 0; episode < 50; ++episode) {
    environment.Reset();
    std::vector<uint8_t> mask(environment.num_actions());
    while (!environment.done()) {
      environment.LegalActions(absl::MakeSpan(mask));
      std::vector<int> legal;
      for (size_t a = 0; a < mask.size(); ++a)
        if (mask[a] != 0) legal.push_back(a);
      environment.Step(legal[random.Below(legal.size())]);
    }
    ASSERT_TRUE(problem_.IsLegal(environment.cuts()));
    const PipelineCost cost = problem_.Cost(environment.cuts());
    if (cost.fits()) {
      EXPECT_GE(cost.length.value, bound.lower_bound.value * (1 - 1e-12));
    }
    const PipelineCost simulated = problem_.SimulatedCost(environment.cuts());
    EXPECT_GE(simulated.length.value, cost.length.value * (1 - 1e-12));
    EXPECT_EQ(simulated.peak_memory, cost.peak_memory);
  }
}

TEST_P(Pipelines, ClimbingBySimulationNeverEndsLonger) {
  const PipelineCuts start = EvenCuts(problem_);
  const PipelineCuts climbed = SimulatedLocalCuts(problem_, start);
  EXPECT_TRUE(problem_.IsLegal(climbed));
  EXPECT_FALSE(problem_.IsBetter(problem_.SimulatedCost(start), problem_.SimulatedCost(climbed)));
}

INSTANTIATE_TEST_SUITE_P(Models, Pipelines,
                         testing::Values(Case{"vgg19", "v100x8x2-25gbps", 2},
                                         Case{"vgg19", "v100x4x3-25gbps", 3},
                                         Case{"t5-base-paper", "v100x8x3-25gbps", 3},
                                         Case{"t5-small-dropout", "v100x2x2-25gbps", 4}),
                         [](const auto& test) {
                           return TestName(std::string(test.param.module) + "On" +
                                           test.param.cluster + std::to_string(test.param.stages));
                         });

}  // namespace
}  // namespace automap
