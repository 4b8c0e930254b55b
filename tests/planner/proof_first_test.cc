// Where the optimum is proven before the engines begin, it is told first, and they stop at it.
#include <vector>

#include "gtest/gtest.h"
#include "planner/plan_module.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Heard {
  v1::Plan plan;
  std::vector<v1::Plan> improved;
  size_t before_engines = 0;  // of them
};

Heard PlanOf(const std::string& strategy, int64_t max_decisions) {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_max_decisions(max_decisions);
  Heard heard;
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan& plan) { heard.improved.push_back(plan); };
  observer.progress = [&](const v1::Progress& progress) {
    const bool is_exact = progress.engine().empty() || progress.engine() == "exact";
    if (is_exact) heard.before_engines = heard.improved.size();
  };
  auto plan = PlanModule(ZooModule("vgg19"), *ClusterPreset("v100x4x1-25gbps"), options, observer,
                         [] { return false; });
  EXPECT_TRUE(plan.ok()) << plan.status();
  if (plan.ok()) heard.plan = *std::move(plan);
  return heard;
}

TEST(ProofFirst, TheProvenPlanIsToldBeforeTheEnginesBegin) {
  for (const char* strategy : {"opp", "adp"}) {
    const Heard heard = PlanOf(strategy, 0);
    ASSERT_GT(heard.before_engines, 0u);
    const v1::Plan& proven = heard.improved[heard.before_engines - 1];
    EXPECT_TRUE(proven.bound().has_gap());
    EXPECT_EQ(proven.bound().gap(), 0) << strategy;
    EXPECT_NEAR(proven.cost().step_time_s(), heard.plan.cost().step_time_s(),
                1e-9 * heard.plan.cost().step_time_s());
  }
}

// What goes together is known before what it costs: a stop that comes in between finds a plan.
TEST(ProofFirst, DataParallelismHasAPlanBeforeAnythingIsPriced) {
  v1::PlanOptions options;
  options.set_strategy("adp");
  bool has_plan = false;
  v1::Plan first;
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan& plan) {
    if (!has_plan) first = plan;
    has_plan = true;
  };
  const std::string module = ZooModule("vgg19");
  const v1::Cluster cluster = *ClusterPreset("v100x4x1-25gbps");
  const auto plan = PlanModule(module, cluster, options, observer, [&] { return has_plan; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(first.bound().has_gap());
  EXPECT_EQ(plan->cost().step_time_s(), first.cost().step_time_s());
  for (const v1::Plan& each : {first, *plan})
    EXPECT_EQ(VerifyModulePlan(module, cluster, each), absl::OkStatus());
}

TEST(ProofFirst, AnEngineAtTheOptimumStopsUnlessItsDecisionsAreGiven) {
  const v1::Plan stops = PlanOf("opp", 0).plan, goes_on = PlanOf("opp", 1000).plan;
  ASSERT_EQ(stops.search().engines_size(), goes_on.search().engines_size());
  bool any = false;
  for (int i = 0; i < stops.search().engines_size(); ++i) {
    const auto &one = stops.search().engines(i), &other = goes_on.search().engines(i);
    if (one.engine() == "exact") continue;
    EXPECT_GT(other.decisions(), 900) << other.engine();
    const bool is_best = one.step_time_s() <= stops.cost().step_time_s() * (1 + 1e-9);
    EXPECT_TRUE(!is_best || one.decisions() == one.decisions_to_best()) << one.engine();
    any = any || is_best;
  }
  EXPECT_TRUE(any);
}

}  // namespace
}  // namespace automap
