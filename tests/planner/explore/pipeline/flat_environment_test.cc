#include "planner/explore/pipeline/flat_environment.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "tests/contracts/environment_contract.h"

namespace automap {
namespace {

std::vector<uint8_t> MaskOf(const FlatPipelineEnvironment& environment) {
  std::vector<uint8_t> mask(environment.num_actions());
  environment.LegalActions(absl::MakeSpan(mask));
  return mask;
}

TEST(FlatPipelineEnvironment, KeepsTheContractAndEndsWithLegalCuts) {
  for (uint64_t seed = 8'000'000'000; seed < 8'000'000'010; ++seed) {
    for (const auto& generate : {GeneratePipeline, GenerateModelLikePipeline}) {
      const auto made = generate(seed);
      const auto make = [&] { return std::make_unique<FlatPipelineEnvironment>(*made->problem); };
      EXPECT_EQ(CheckEnvironmentContract(make, 1), absl::OkStatus()) << seed;
      FlatPipelineEnvironment environment(*made->problem);
      while (!environment.done()) {
        const std::vector<uint8_t> mask = MaskOf(environment);
        environment.Step(std::find(mask.rbegin(), mask.rend(), 1).base() - mask.begin() - 1);
      }
      EXPECT_TRUE(made->problem->IsLegal(environment.cuts())) << seed;
    }
  }
}

TEST(FlatPipelineEnvironment, SeesNumbersBetweenZeroAndOne) {
  const auto made = GeneratePipeline(8'000'000'020);
  FlatPipelineEnvironment environment(*made->problem);
  std::vector<float> observation(environment.observation_size());
  while (!environment.done()) {
    environment.Observe(absl::MakeSpan(observation));
    EXPECT_GE(*std::min_element(observation.begin(), observation.end()), 0);
    EXPECT_LE(*std::max_element(observation.begin(), observation.end()), 1);
    const std::vector<uint8_t> mask = MaskOf(environment);
    environment.Step(std::find(mask.begin(), mask.end(), 1) - mask.begin());
  }
}

TEST(FlatPipelineEnvironment, RewardIsTheLeastTimeOverTheLength) {
  const auto made = GeneratePipeline(8'000'000'021);
  const PipelineProblem& problem = *made->problem;
  FlatPipelineEnvironment environment(problem);
  double reward = 0;
  while (!environment.done()) {
    const std::vector<uint8_t> mask = MaskOf(environment);
    reward = environment.Step(std::find(mask.begin(), mask.end(), 1) - mask.begin());
  }
  const Seconds least = problem.LeastTime(problem.layers(), problem.devices());
  EXPECT_DOUBLE_EQ(
      reward, least * problem.options().micro_batches / problem.Cost(environment.cuts()).length);
}

TEST(FlatPipelineEnvironment, ClearlyRefusesWhatItsShapeDoesNotHold) {
  uint64_t seed = 8'000'000'030;
  while (GeneratePipeline(seed)->problem->devices() < 9) ++seed;
  const auto made = GeneratePipeline(seed);
  const auto check = [&](int32_t stages) {
    const PipelineProblem problem(made->chain, made->cluster, {stages, 4, true});
    return FlatPipelineEnvironment::Check(problem);
  };
  EXPECT_EQ(check(8), absl::OkStatus());
  EXPECT_EQ(check(9), absl::FailedPreconditionError(
                          "the paper's flat network sees at most 8 stages, here are 9"));
}

}  // namespace
}  // namespace automap
