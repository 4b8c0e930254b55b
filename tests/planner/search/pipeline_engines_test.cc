#include "planner/search/pipeline_engines.h"

#include "gtest/gtest.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr int kSeeds = 1;

struct Case {
  const char* name;
  const char* module;
  const char* cluster;
  int32_t stages, micro_batches;
};

class PipelineEngines : public testing::TestWithParam<Case> {
 protected:
  PipelineEngines()
      : module_(PrepareZoo(GetParam().module)),
        cluster_(*ClusterFromProto(*ClusterPreset(GetParam().cluster))),
        chain_(*ChainOfModule(*module_, cluster_, GetParam().micro_batches)),
        problem_(chain_, cluster_, {GetParam().stages, GetParam().micro_batches, false}) {}

  // Seconds by simulation, the worst of the seeds.
  template <typename Search>
  double WorstOf(const Search& search) {
    double worst = 0;
    for (int seed = 0; seed < kSeeds; ++seed) {
      EngineBudget budget;
      budget.decisions = UsualDecisions(GetParam().stages);
      budget.seed = seed;
      PipelineOutcome found = search(budget);
      JudgeBySimulation(problem_, found);
      EXPECT_TRUE(found.found && found.cost.fits());
      worst = std::max(worst, found.cost.length.value);
    }
    return worst;
  }

  const std::unique_ptr<const PreparedModule> module_;
  const Cluster cluster_;
  const LayerChain chain_;
  const PipelineProblem problem_;
};

// Configurations that no table shows.
TEST_P(PipelineEngines, DqnIsNearTheExactAnswerAndNeverBehindGreedyOrRandom) {
  const PipelineBound bound = SimulatedBoundOf(problem_);
  ASSERT_TRUE(bound.is_found) << bound.proof;
  const double exact = problem_.SimulatedCost(bound.best).length.value;
  const PipelineEnvironment root = PipelineEnvironmentOf(problem_, Preset::kDefault);
  const double dqn =
      WorstOf([&](const EngineBudget& budget) { return *SearchCutsByDqn(root, budget, {}); });
  EXPECT_LE(dqn, exact * 1.01);
  for (const auto search : {SearchCutsGreedily, SearchCutsRandomly}) {
    const double other =
        WorstOf([&](const EngineBudget& budget) { return search(root, budget, {}); });
    EXPECT_LE(dqn, other * (1 + 1e-9));
  }
}

INSTANTIATE_TEST_SUITE_P(Cuts, PipelineEngines,
                         testing::Values(Case{"T5Base4", "t5-base", "v100x8x2-25gbps", 4, 4},
                                         Case{"T5Base4By16", "t5-base", "v100x8x2-25gbps", 4, 16},
                                         Case{"T5Base8", "t5-base", "v100x8x2-25gbps", 8, 4},
                                         Case{"Vgg3", "vgg19", "v100x4x3-25gbps", 3, 4},
                                         Case{"Vgg6By8", "vgg19", "v100x8x2-25gbps", 6, 8}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace automap
