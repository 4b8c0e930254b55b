// Hybrid plans by the front doors: found, streamed, verified, simulated, exported.
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/export_module_plan.h"
#include "planner/plan_module.h"
#include "planner/simulate_module_plan.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/training_step.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr char kCluster[] = "v100x4x2-25gbps";

// Four wide layers on devices with little memory: one stage holds them only when it splits them.
std::string Module() { return PerceptronStep(64, {4096, 4096, 4096, 4096, 4096}); }

v1::Cluster SmallDevices(double mib) {
  v1::Cluster cluster = *ClusterPreset(kCluster);
  for (auto& type : *cluster.mutable_device_types())
    type.set_memory_bytes(static_cast<int64_t>((1536 + mib) * (1 << 20)));
  return cluster;
}

v1::PlanOptions Options(const std::string& strategy, int32_t axis_size = 0, int32_t stages = 0) {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_axis_size(axis_size);
  options.set_stages(stages);
  options.set_max_decisions(100);
  options.set_seed(3);
  return options;
}

absl::StatusOr<v1::Plan> Plan(const v1::Cluster& cluster, const v1::PlanOptions& options,
                              const PlanObserver& observer = {}) {
  return PlanModule(Module(), cluster, options, observer, [] { return false; });
}

// A plan with two stages that split their arrays over two devices.
class HybridPlan : public testing::Test {
 protected:
  void SetUp() override {
    auto plan = Plan(cluster_, Options("hybrid", 2, 2));
    ASSERT_TRUE(plan.ok()) << plan.status();
    plan_ = *std::move(plan);
    ASSERT_EQ(plan_.strategy(), "hybrid");
  }

  const v1::Cluster cluster_ = SmallDevices(200);
  v1::Plan plan_;
};

TEST(BestOfAll, IsProvenAndNoLoserLooksFaster) {
  for (const char* name : {"v100x4x1-25gbps", "v100x2x2-25gbps"}) {
    for (const char* module : {"mlp", "vgg19"}) {
      const auto plan = PlanModule(ZooModule(module), *ClusterPreset(name), Options("auto"), {},
                                   [] { return false; });
      ASSERT_TRUE(plan.ok()) << plan.status();
      EXPECT_TRUE(plan->bound().has_gap()) << name << " " << module << ": " << plan->strategy();
      EXPECT_FALSE(plan->strategy() == "pp" && plan->stages_size() == 1);
      for (const auto& other : plan->alternatives()) {
        EXPECT_FALSE(other.summary().empty());
        if (other.cost().step_time_s() <= 0 || !other.cost().fits()) continue;
        EXPECT_GE(other.cost().step_time_s(), plan->cost().step_time_s() * (1 - 1e-9))
            << name << " " << module << ": " << other.strategy() << ", " << other.summary();
      }
    }
  }
}

TEST(OneStage, IsDataParallelism) {
  const auto plan = Plan(SmallDevices(4000), Options("pp", 0, 1));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->stages_size(), 1);
  EXPECT_EQ(plan->strategy(), "adp");
  EXPECT_EQ(VerifyModulePlan(Module(), SmallDevices(4000), *plan), absl::OkStatus());
}

TEST_F(HybridPlan, SaysItsStagesItsSplitsAndHowGoodItCouldBe) {
  ASSERT_EQ(plan_.stages_size(), 2);
  ASSERT_EQ(plan_.mesh_size(), 1);
  EXPECT_EQ(plan_.mesh(0).name(), "model");
  EXPECT_EQ(plan_.mesh(0).size(), 2);
  for (const auto& stage : plan_.stages()) {
    EXPECT_EQ(stage.device_count() % 2, 0);
    EXPECT_LE(stage.memory_bytes(), stage.memory_limit_bytes());
  }
  int split = 0;
  for (const auto& sharding : plan_.shardings()) {
    for (const std::string& axes : sharding.dim_axes()) split += axes == "model";
  }
  EXPECT_GT(split, 0);
  EXPECT_GT(plan_.bound().lower_bound_s(), 0);
  EXPECT_LE(plan_.bound().lower_bound_s(), plan_.cost().step_time_s());
  EXPECT_TRUE(plan_.bound().has_gap());
  bool has_model_collective = false;
  for (const auto& collective : plan_.cost().collectives())
    has_model_collective = has_model_collective || collective.axis() == "model";
  EXPECT_TRUE(has_model_collective);
  EXPECT_LE(plan_.cost().utilization(), 1);
}

TEST_F(HybridPlan, IsVerifiedAndRefusedWhenAltered) {
  const absl::Status verdict = VerifyModulePlan(Module(), cluster_, plan_);
  ASSERT_TRUE(verdict.ok()) << verdict;
  struct Case {
    const char* name;
    std::function<void(v1::Plan&)> spoil;
    const char* text;
  };
  const Case cases[] = {
      {"a stage that shares a model group",
       [](v1::Plan& plan) {
         plan.mutable_stages(0)->set_device_count(plan.stages(0).device_count() - 1);
       },
       "stages[0].device_count"},
      {"another axis size", [](v1::Plan& plan) { plan.mutable_mesh(0)->set_size(4); }, "plan."},
      {"an axis that does not divide", [](v1::Plan& plan) { plan.mutable_mesh(0)->set_size(3); },
       "plan."},
      {"another axis", [](v1::Plan& plan) { plan.mutable_mesh(0)->set_name("data"); }, "plan."},
      {"less memory",
       [](v1::Plan& plan) {
         plan.mutable_stages(0)->set_memory_bytes(plan.stages(0).memory_bytes() - 1);
       },
       "stages[0].memory_bytes"},
      {"a smaller boundary",
       [](v1::Plan& plan) {
         plan.mutable_stages(0)->set_boundary_bytes(plan.stages(0).boundary_bytes() / 2);
       },
       "stages[0].boundary_bytes"},
      {"a faster exchange",
       [](v1::Plan& plan) {
         auto& last = *plan.mutable_cost()->mutable_collectives()->rbegin();
         last.set_time_s(last.time_s() / 2);
       },
       "collectives"},
      {"a better bound",
       [](v1::Plan& plan) {
         plan.mutable_bound()->set_lower_bound_s(1.01 * plan.bound().lower_bound_s());
       },
       "bound.lower_bound_s"},
      {"another gap",
       [](v1::Plan& plan) { plan.mutable_bound()->set_gap(plan.bound().gap() + 0.01); },
       "bound.gap"},
      {"a shorter step",
       [](v1::Plan& plan) {
         plan.mutable_cost()->set_step_time_s(plan.cost().step_time_s() * 0.9);
       },
       "cost.step_time_s"},
      {"sums at once",
       [](v1::Plan& plan) { plan.mutable_mesh(0)->set_sums_at_once(!plan.mesh(0).sums_at_once()); },
       "plan"},
      {"no splits", [](v1::Plan& plan) { plan.clear_mesh(); }, "plan"},
      {"called a pipeline", [](v1::Plan& plan) { plan.set_strategy("pp"); }, "strategy"},
  };
  for (const Case& item : cases) {
    v1::Plan altered = plan_;
    item.spoil(altered);
    const absl::Status refusal = VerifyModulePlan(Module(), cluster_, altered);
    EXPECT_FALSE(refusal.ok()) << item.name;
    EXPECT_NE(refusal.message().find(item.text), absl::string_view::npos)
        << item.name << ": " << refusal;
  }
}

TEST_F(HybridPlan, IsSimulatedAndDrawn) {
  const auto simulation = SimulateModulePlan(Module(), cluster_, plan_);
  ASSERT_TRUE(simulation.ok()) << simulation.status();
  EXPECT_EQ(simulation->timeline.length.value, plan_.cost().step_time_s());
  double sum = 0;
  for (const TimeShare& share : simulation->kinds) sum += share.time.value;
  EXPECT_NEAR(sum, plan_.cost().step_time_s(), 1e-9);
  EXPECT_NE(DrawTimeline(simulation->timeline, PictureFormat::kSvg).find("<svg"),
            std::string::npos);
}

TEST_F(HybridPlan, IsExportedWhereOneModuleTellsIt) {
  for (const ExportFormat format :
       {ExportFormat::kHlo, ExportFormat::kPartitionSpec, ExportFormat::kShardy}) {
    const auto exported = ExportModulePlan(Module(), plan_, {format, {}});
    EXPECT_TRUE(exported.ok()) << exported.status();
  }
  const auto stages = ExportModuleStages(Module(), plan_);
  EXPECT_EQ(stages.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(stages.status().message().find("mesh"), absl::string_view::npos) << stages.status();
}

// It contains them.
TEST(PlanHybrid, IsNeverBehindTheOtherStrategies) {
  for (const double mib : {60.0, 120.0, 300.0, 4000.0}) {
    const v1::Cluster cluster = SmallDevices(mib);
    const auto hybrid = Plan(cluster, Options("hybrid"));
    for (const char* strategy : {"adp", "opp", "pp"}) {
      const auto other = Plan(cluster, Options(strategy));
      if (!other.ok()) continue;
      ASSERT_TRUE(hybrid.ok()) << mib << ": " << hybrid.status();
      EXPECT_TRUE(hybrid->cost().fits());
      EXPECT_LE(hybrid->cost().step_time_s(), other->cost().step_time_s() * (1 + 1e-6))
          << mib << " " << strategy;
    }
    if (hybrid.ok()) {
      EXPECT_TRUE(VerifyModulePlan(Module(), cluster, *hybrid).ok()) << mib;
    }
  }
}

// With any number of stages: cuts of a shape are not given up for a poor local optimum.
TEST(PlanHybrid, IsNotBehindAPipelineOfAnyNumberOfStages) {
  const std::string module = ZooModule("t5-base-paper");
  const v1::Cluster cluster = *ClusterPreset("v100x4x2-25gbps");
  const auto plan = [&](const v1::PlanOptions& options) {
    return PlanModule(module, cluster, options, {}, [] { return false; });
  };
  const v1::Plan hybrid = *plan(Options("hybrid"));
  for (const int32_t stages : {1, 2, 4, 8}) {
    const auto pipeline = plan(Options("pp", 0, stages));
    if (!pipeline.ok()) continue;
    EXPECT_LE(hybrid.cost().step_time_s(), pipeline->cost().step_time_s() * (1 + 1e-3)) << stages;
  }
}

TEST(PlanHybrid, ListsWhatWasSkippedAndWhy) {
  const v1::Plan plan = *Plan(SmallDevices(120), Options("hybrid"));
  int skipped = 0, slower = 0;
  for (const auto& other : plan.alternatives()) {
    EXPECT_NE(other.summary(), "");
    skipped += other.summary().find("skipped") != std::string::npos;
    slower += other.summary().find("slower") != std::string::npos;
  }
  EXPECT_GT(skipped, 0);
  EXPECT_GT(slower, 0);
}

TEST(PlanHybrid, SaysWhatIsLeastWhenNothingFits) {
  const auto plan = Plan(SmallDevices(1), Options("hybrid"));
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* text : {"strategy hybrid", "GiB per device at least", "model axis"})
    EXPECT_NE(plan.status().message().find(text), absl::string_view::npos) << plan.status();
}

TEST(PlanHybrid, StreamsPlansThatGetBetterAndStopsWhenTold) {
  double last = 1e9, last_bound = 0;
  int improved = 0;
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan& plan) {
    const double bound = plan.bound().lower_bound_s();
    EXPECT_LT(plan.cost().step_time_s(), bound > last_bound ? last * (1 + 1e-9) : last);
    last = plan.cost().step_time_s(), last_bound = bound;
    ++improved;
  };
  const auto plan = PlanModule(Module(), SmallDevices(120), Options("hybrid"), observer,
                               [&] { return improved > 0; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_GT(improved, 0);
  EXPECT_TRUE(VerifyModulePlan(Module(), SmallDevices(120), *plan).ok());
}

// The paper's network for cuts sees no devices that share a layer.
TEST(PlanHybrid, OfThePapersPresetIsVerifiedAndSaysWhichEngineDidNotRun) {
  v1::PlanOptions options = Options("hybrid", 2, 2);
  options.set_preset("paper");
  const v1::Cluster cluster = SmallDevices(200);
  const auto plan = Plan(cluster, options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(
      std::any_of(plan->alternatives().begin(), plan->alternatives().end(), [](const auto& other) {
        return other.summary().find("inference did not run: the paper's flat network sees") == 0;
      }));
  const absl::Status verdict = VerifyModulePlan(Module(), cluster, *plan);
  EXPECT_TRUE(verdict.ok()) << verdict;
}

TEST(PlanHybrid, RefusesWithThePath) {
  EXPECT_NE(
      Plan(SmallDevices(120), Options("hybrid", 3)).status().message().find("options.axis_size: 3"),
      absl::string_view::npos);
  EXPECT_FALSE(Plan(SmallDevices(120), Options("hybrid", 2, 5)).ok());
}

}  // namespace
}  // namespace automap
