// Where the optimum is proven before the engines begin, it is told first, and they do not begin.
#include <vector>

#include "gtest/gtest.h"
#include "planner/plan_module.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Heard {
  v1::Plan plan;
  std::vector<v1::Plan> improved;
};

Heard PlanOf(const std::string& strategy, int64_t max_decisions) {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_max_decisions(max_decisions);
  Heard heard;
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan& plan) { heard.improved.push_back(plan); };
  auto plan = PlanModule(ZooModule("vgg19"), *ClusterPreset("v100x4x1-25gbps"), options, observer,
                         [] { return false; });
  EXPECT_TRUE(plan.ok()) << plan.status();
  if (plan.ok()) heard.plan = *std::move(plan);
  return heard;
}

TEST(ProofFirst, TheProvenPlanIsToldBeforeTheEnginesBegin) {
  for (const char* strategy : {"opp", "adp"}) {
    const Heard heard = PlanOf(strategy, 0);
    ASSERT_FALSE(heard.improved.empty());
    EXPECT_TRUE(heard.improved.front().bound().has_gap());
    EXPECT_EQ(heard.improved.front().bound().gap(), 0) << strategy;
    EXPECT_NEAR(heard.improved.front().cost().step_time_s(), heard.plan.cost().step_time_s(),
                1e-9 * heard.plan.cost().step_time_s());
  }
}

TEST(ProofFirst, EnginesDoNotBeginUnlessTheirDecisionsAreGiven) {
  const v1::Plan stops = PlanOf("opp", 0).plan, goes_on = PlanOf("opp", 1000).plan;
  ASSERT_EQ(stops.search().engines_size(), 1);
  EXPECT_EQ(stops.search().engines(0).engine(), "exact");
  EXPECT_EQ(stops.search().decisions(), 0);
  EXPECT_EQ(goes_on.cost().step_time_s(), stops.cost().step_time_s());
  ASSERT_EQ(goes_on.search().engines_size(), 4);
  for (const auto& row : goes_on.search().engines()) {
    if (row.engine() == "exact") continue;
    EXPECT_GT(row.decisions(), 900) << row.engine();
  }
}

// Three stages of T5: the simulated step is longer than the bound of the closed form.
TEST(ProofFirst, EnginesBeginWhereNothingIsProven) {
  v1::PlanOptions options;
  options.set_strategy("pp");
  options.set_micro_batches(4);
  const auto plan = PlanModule(ZooModule("t5-base-paper"), *ClusterPreset("v100x8x3-25gbps"),
                               options, {}, [] { return false; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_GT(plan->bound().gap(), 0);
  EXPECT_EQ(plan->search().engines_size(), 5);
}

}  // namespace
}  // namespace automap
