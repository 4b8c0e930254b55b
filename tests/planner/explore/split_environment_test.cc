#include "planner/explore/split_environment.h"

#include <gtest/gtest.h>

#include "agent/core/random.h"
#include "planner/explore/explore_splits.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/contracts/environment_contract.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

using Reward = SplitEnvironmentOptions::Reward;

SplitTask TaskOf(const PreparedModule& module, bool fold_copies) {
  const auto cluster = ClusterFromProto(*ClusterPreset("v100x4x1-25gbps"));
  auto task = MakeSplitTask(module, *cluster, {.strategy = "opp", .fold_copies = fold_copies});
  EXPECT_TRUE(task.ok()) << task.status();
  return *std::move(task);
}

class SplitEnvironmentTest : public testing::TestWithParam<std::string> {};

TEST_P(SplitEnvironmentTest, KeepsTheContract) {
  const auto module = PrepareZoo(GetParam());
  for (const bool fold_copies : {true, false}) {
    const SplitTask task = TaskOf(*module, fold_copies);
    ASSERT_FALSE(task.problem->decisions().empty());
    std::vector<bool> fixed(task.problem->decisions().size(), false);
    for (const bool fixes : {false, true}) {
      fixed[fixed.size() / 2] = fixes;
      for (const Reward reward : {Reward::kTime, Reward::kCount}) {
        const auto make = [&] {
          return std::make_unique<SplitEnvironment>(*task.problem,
                                                    SplitEnvironmentOptions{reward, fixed});
        };
        const absl::Status status = CheckEnvironmentContract(make, /*seed=*/1, /*episodes=*/2);
        EXPECT_TRUE(status.ok()) << "folds " << fold_copies << ", fixes " << fixes << ": "
                                 << status;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, SplitEnvironmentTest, testing::ValuesIn(ZooNames()),
                         [](const auto& test) { return TestName(test.param); });

// Until memory counts, the rewards of an episode add up to the share of time that its plan saves,
// times ten, less that of all gains together, which is where the potential starts.
TEST(SplitEnvironment, TimeRewardsAddUpToTheTimeSaved) {
  const auto module = PrepareZoo("vgg19");
  const SplitTask task = TaskOf(*module, true);
  SplitEnvironment environment(*task.problem, {});
  Random random(1);
  double all = 0;
  for (const SplitDecision& decision : task.problem->decisions())
    all += std::max(0.0, decision.gain / task.problem->base_time());
  for (int episode = 0; episode < 10; ++episode) {
    environment.Reset();
    double sum = 0;
    while (!environment.done()) {
      uint8_t mask[2];
      environment.LegalActions(absl::MakeSpan(mask));
      sum += environment.Step(mask[1] != 0 ? static_cast<int>(random.Below(2)) : 0);
    }
    const SplitCost cost = task.problem->Cost(environment.chosen());
    ASSERT_TRUE(cost.fits);
    EXPECT_NEAR(sum, 10 * (1 - cost.step_time / task.problem->base_time() - all), 1e-9);
  }
}

// A masked split is one that an earlier split excludes; the paper's reward lets it happen, as the
// end.
TEST(SplitEnvironment, AConflictIsMaskedOrEndsTheEpisode) {
  const auto module = PrepareZoo("vgg19");
  const SplitTask task = TaskOf(*module, true);
  const auto& decisions = task.problem->decisions();
  SplitEnvironment timed(*task.problem, {}), counted(*task.problem, {Reward::kCount, {}});
  int masked = 0;
  std::vector<bool> chosen(decisions.size(), false);
  for (size_t d = 0; d < decisions.size(); ++d) {
    bool excluded = false;
    for (const int32_t other : decisions[d].conflicts) excluded |= chosen[other];
    uint8_t mask[2];
    timed.LegalActions(absl::MakeSpan(mask));
    EXPECT_EQ(mask[0], 1);
    EXPECT_EQ(mask[1], excluded ? 0 : 1) << d;
    if (excluded && ++masked == 1) {
      EXPECT_EQ(counted.Step(1), -1);
      EXPECT_TRUE(counted.done() && counted.ended_at_conflict());
    }
    chosen[d] = !excluded;
    timed.Step(excluded ? 0 : 1);
    if (counted.done()) continue;
    EXPECT_NEAR(counted.Step(1), 0.4 * decisions[d].members, 1e-12);
  }
  EXPECT_GT(masked, 0);
  EXPECT_TRUE(timed.done());
}

}  // namespace
}  // namespace automap
