#include "planner/explore/split_problem.h"

#include <algorithm>
#include <cstdio>
#include <random>

#include "gtest/gtest.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/split_memory.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/random_module/random_module.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// Decisions in random order, each in three of four cases, those that go together.
std::vector<bool> RandomChoice(const SplitProblem& problem, std::mt19937& random) {
  std::vector<bool> chosen(problem.decisions().size());
  std::vector<size_t> order(chosen.size());
  for (size_t d = 0; d < order.size(); ++d) order[d] = d;
  std::shuffle(order.begin(), order.end(), random);
  for (const size_t d : order) {
    const auto& conflicts = problem.decisions()[d].conflicts;
    chosen[d] = random() % 4 != 0 && std::none_of(conflicts.begin(), conflicts.end(),
                                                  [&](int32_t other) { return chosen[other]; });
  }
  return chosen;
}

// What a choice costs in a search is what its plan says, which is worked out anew.
class Costs {
 public:
  void ExpectTheSame(const PreparedModule& module, const std::string& strategy, int choices) {
    const v1::Cluster proto = *ClusterPreset("v100x4x2-25gbps");
    for (const bool reshards : {false, true}) {
      Semantics semantics = PresetSemantics(false);
      semantics.reshards = reshards;
      const auto task = MakeSplitTask(module, *ClusterFromProto(proto), {strategy, 4, semantics});
      if (!task.ok() || task->problem == nullptr) continue;
      const SplitProblem& problem = *task->problem;
      SplitMemory memory(problem, /*with_copies=*/true);
      (problem.is_additive() ? additive_ : overlapping_)++;
      for (int i = 0; i < choices; ++i) {
        const std::vector<bool> chosen = RandomChoice(problem, random_);
        const auto plan = DescribePlan(module, proto, task->With(chosen), {});
        ASSERT_TRUE(plan.ok()) << plan.status();
        const SplitCost cost = problem.Cost(chosen);
        const double time = plan->cost().step_time_s(), bytes = plan->cost().peak_memory_bytes();
        EXPECT_NEAR(cost.step_time.value, time, 1e-9 * time);
        EXPECT_NEAR(cost.peak_memory.value, bytes, 1e-6 * bytes + 1);
        EXPECT_NEAR(memory.Peak(chosen).value, bytes, 1e-6 * bytes + 1);
      }
    }
  }
  int additive() const { return additive_; }
  int overlapping() const { return overlapping_; }

 private:
  std::mt19937 random_{1};
  int additive_ = 0, overlapping_ = 0;
};

TEST(SplitProblem, CostsWhatThePlanSaysOnRandomModules) {
  Costs costs;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    RandomModule random(seed);
    for (int i = 0; i < 40; ++i) random.AddAny();
    const auto module = PreparedModule::Create(random.Text(), {});
    ASSERT_TRUE(module.ok()) << seed << ": " << module.status();
    SCOPED_TRACE(seed);
    costs.ExpectTheSame(**module, "adp", 8);
  }
  std::printf("%d problems, in %d more groups overlap\n", costs.additive(), costs.overlapping());
  EXPECT_GE(costs.additive(), 20);
  EXPECT_GE(costs.overlapping(), 20);
}

class SplitProblems : public testing::TestWithParam<const char*> {};

TEST_P(SplitProblems, CostsWhatThePlanSays) {
  const auto module = PrepareZoo(GetParam());
  Costs costs;
  for (const char* strategy : {"adp", "opp"}) costs.ExpectTheSame(*module, strategy, 3);
}

INSTANTIATE_TEST_SUITE_P(Modules, SplitProblems,
                         testing::Values("mlp", "vgg19", "t5-small-dropout", "bert-48"),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap
