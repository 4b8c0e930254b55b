#include "planner/explore/bound.h"

#include <random>

#include "gtest/gtest.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/split_memory.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/legal_choices.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Best {
  bool is_found = false;
  double time = 0;
};

// Every choice without conflicts.
Best BruteForce(const SplitProblem& problem) {
  Best best;
  ForEachLegalChoice(problem, [&](const std::vector<bool>& chosen) {
    const SplitCost cost = problem.Cost(chosen);
    if (!cost.fits || (best.is_found && cost.step_time.value >= best.time)) return;
    best = {true, cost.step_time.value};
  });
  return best;
}

Cluster WithMemory(double bytes) {
  v1::Cluster cluster = *ClusterPreset("v100x4x1-25gbps");
  for (auto& type : *cluster.mutable_device_types())
    type.set_memory_bytes(static_cast<int64_t>(bytes + 1.5 * (1 << 30)));
  return *ClusterFromProto(cluster);
}

class Bounds : public testing::TestWithParam<std::string> {};

// From memory for everything to memory for nothing.
TEST_P(Bounds, WithMemoryEqualBruteForce) {
  const auto module = PrepareZoo(GetParam());
  int with_less = 0, infeasible = 0;
  double largest = 0;
  for (const double share : {1.0, 0.97, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1}) {
    const double bytes = largest > 0 ? largest * share : 30e9;
    const Cluster cluster = WithMemory(bytes);
    const SplitTask task = *MakeSplitTask(*module, cluster, {"opp", 4, {}, true, false});
    if (largest == 0) {
      const auto none = std::vector<bool>(task.problem->decisions().size(), false);
      largest = task.problem->Cost(none).peak_memory.value * 1.001;
    }
    ASSERT_LE(task.problem->decisions().size(), 12u);
    const SplitBound bound = BoundOf(*task.problem);
    const Best best = BruteForce(*task.problem);
    EXPECT_EQ(bound.is_infeasible, !best.is_found);
    if (!best.is_found) {
      ++infeasible;
      continue;
    }
    EXPECT_TRUE(bound.is_reached);
    EXPECT_NEAR(bound.lower_bound.value, best.time, 1e-9 * best.time);
    EXPECT_TRUE(task.problem->Cost(bound.best).fits);
    with_less += bound.proof.find("memory included") != std::string::npos;
  }
  // Its fastest choice also needs the least.
  EXPECT_EQ(with_less > 0, GetParam() != "t5-base");
  EXPECT_GT(infeasible, 0);
}

TEST_P(Bounds, FollowedMemoryIsTheProblems) {
  const auto module = PrepareZoo(GetParam());
  for (const bool reshards : {false, true}) {
    SplitTaskOptions options = {"opp", 4, {}, true, false};
    options.semantics.reshards = reshards;
    const SplitTask task = *MakeSplitTask(*module, WithMemory(30e9), options);
    const SplitProblem& problem = *task.problem;
    SplitMemory all(problem, true), least(problem, false);
    std::vector<bool> chosen(problem.decisions().size());
    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
      for (int flips = random() % 3; flips >= 0; --flips) chosen[random() % chosen.size()].flip();
      EXPECT_NEAR(all.Peak(chosen).value, problem.Cost(chosen).peak_memory.value, 16);
      EXPECT_NEAR(least.Peak(chosen).value, problem.LeastMemory(chosen).value, 16);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Bounds, testing::Values("mlp", "torch-xla-cnn", "t5-base"),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap
