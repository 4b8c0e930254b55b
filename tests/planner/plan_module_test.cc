#include "planner/plan_module.h"

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "planner/simulate_module_plan.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/paper_tables.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

v1::PlanOptions Options(const std::string& strategy, bool ignore_memory = false,
                        const std::string& preset = "default") {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_ignore_memory(ignore_memory);
  options.set_preset(preset);
  options.set_seed(1);
  return options;
}

absl::StatusOr<v1::Plan> PlanZoo(const std::string& name, const std::string& cluster,
                                 const v1::PlanOptions& options) {
  return PlanModule(ZooModule(name), *ClusterPreset(cluster), options, {}, [] { return false; });
}

TEST(PlanModule, ReportsProgressAndImprovedPlansThatVerify) {
  const v1::Cluster cluster = *ClusterPreset("v100x8x1-25gbps");
  int progress = 0;
  std::vector<v1::Plan> improved;
  PlanObserver observer = {[&](const v1::Progress&) { ++progress; },
                           [&](const v1::Plan& plan) { improved.push_back(plan); }};
  const auto plan =
      PlanModule(ZooModule("vgg19"), cluster, Options("opp"), observer, [] { return false; });
  ASSERT_TRUE(plan.ok());
  EXPECT_GT(progress, 2);
  ASSERT_FALSE(improved.empty());
  for (size_t i = 1; i < improved.size(); ++i)
    EXPECT_LT(improved[i].cost().step_time_s(), improved[i - 1].cost().step_time_s());
  EXPECT_LE(plan->cost().step_time_s(), improved.back().cost().step_time_s());
}

TEST(PlanModule, StopsEarlyWithThePlanItHas) {
  const auto plan = PlanModule(ZooModule("t5-base-paper"), *ClusterPreset("v100x4x1-25gbps"),
                               Options("opp"), {}, [] { return true; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LT(plan->search().decisions(), 100);
}

TEST(PlanModule, EveryEngineKeepsToTheBudget) {
  v1::PlanOptions options = Options("opp");
  options.set_max_decisions(500);
  const v1::Plan plan = *PlanZoo("vgg19", "v100x8x1-25gbps", options);
  std::set<std::string> engines;
  for (const auto& row : plan.search().engines()) {
    EXPECT_LE(row.decisions(), 500);
    engines.insert(row.engine());
  }
  EXPECT_TRUE(engines.contains("dqn") && engines.contains("greedy") && engines.contains("random"));
}

TEST(PlanModule, DataParallelReplicasTakeTheDevicesThatTheModelAxisLeaves) {
  v1::PlanOptions options = Options("opp");
  options.set_axis_size(4);
  const v1::Plan plan = *PlanZoo("t5-base-paper", "v100x8x1-25gbps", options);
  ASSERT_EQ(plan.mesh_size(), 2);
  EXPECT_EQ(plan.mesh(0).name(), "data");
  EXPECT_EQ(plan.mesh(1).name(), "model");
  EXPECT_TRUE(
      VerifyModulePlan(ZooModule("t5-base-paper"), *ClusterPreset("v100x8x1-25gbps"), plan).ok());
}

TEST(PlanModule, OneDeviceHasOnePlan) {
  const v1::Plan plan = *PlanZoo("mlp", "v100x1x1-25gbps", Options("opp"));
  EXPECT_EQ(plan.mesh_size(), 0);
  EXPECT_TRUE(VerifyModulePlan(ZooModule("mlp"), *ClusterPreset("v100x1x1-25gbps"), plan).ok());
}

v1::PlanOptions PipelineOptions(int32_t micro_batches, int32_t stages = 0) {
  v1::PlanOptions options = Options("pp");
  options.set_micro_batches(micro_batches);
  options.set_stages(stages);
  options.set_max_decisions(300);
  return options;
}

TEST(PlanModule, PipelinesAreCutAtLayersAndVerify) {
  const v1::Cluster cluster = *ClusterPreset("v100x8x2-25gbps");
  const v1::Plan plan = *PlanZoo("t5-base-paper", "v100x8x2-25gbps", PipelineOptions(4));
  EXPECT_EQ(plan.strategy(), "pp");
  ASSERT_EQ(plan.stages_size(), 2);
  EXPECT_EQ(plan.micro_batches(), 4);
  EXPECT_EQ(plan.schedule(), "1F1B");
  EXPECT_NE(plan.stages(0).layer().find("block/"), std::string::npos) << plan.stages(0).layer();
  EXPECT_EQ(plan.stages(0).device_count() + plan.stages(1).device_count(), 16);
  EXPECT_EQ(plan.stages(1).cut_after(), "");
  EXPECT_TRUE(plan.cost().fits());
  const std::string module = ZooModule("t5-base-paper");
  EXPECT_TRUE(VerifyModulePlan(module, cluster, plan).ok());
  v1::Plan moved = plan, shorter = plan, elsewhere = plan;
  moved.mutable_stages(0)->set_device_count(plan.stages(0).device_count() + 1);
  shorter.mutable_cost()->set_step_time_s(plan.cost().step_time_s() * 0.9);
  elsewhere.mutable_stages(0)->set_cut_after("main/nowhere");
  for (const v1::Plan& wrong : {moved, shorter, elsewhere})
    EXPECT_EQ(VerifyModulePlan(module, cluster, wrong).code(),
              absl::StatusCode::kFailedPrecondition);
}

TEST(PlanModule, APipelinesFiguresAreThoseOfTheSimulation) {
  const v1::Cluster cluster = *ClusterPreset("v100x8x2-25gbps");
  const std::string module = ZooModule("t5-base-paper");
  const v1::Plan plan = *PlanZoo("t5-base-paper", "v100x8x2-25gbps", PipelineOptions(4));
  const auto simulation = *SimulateModulePlan(module, cluster, plan);
  EXPECT_EQ(simulation.timeline.length.value, plan.cost().step_time_s());
  EXPECT_LE(plan.bound().lower_bound_s(), plan.cost().step_time_s());
  EXPECT_GT(plan.cost().utilization(), 0.05);
  EXPECT_LT(plan.cost().utilization(), 0.95);
  double worst = 0;
  for (int s = 0; s < plan.stages_size(); ++s) {
    const v1::Plan::Stage& stage = plan.stages(s);
    for (const int64_t part : {stage.parameter_bytes(), stage.gradient_bytes(),
                               stage.optimizer_bytes(), stage.activation_bytes()})
      EXPECT_GT(part, 1 << 20) << s;
    EXPECT_EQ(stage.in_flight(), 2 - s);
    EXPECT_GE(stage.parameter_bytes(), stage.variable_bytes());
    EXPECT_EQ(stage.memory_bytes(), stage.parameter_bytes() + stage.gradient_bytes() +
                                        stage.optimizer_bytes() + stage.activation_bytes() +
                                        stage.workspace_bytes());
    worst = std::max(worst, static_cast<double>(stage.memory_bytes()));
    double most = 0;
    for (const MemoryPoint& point : simulation.timeline.memory[s].points)
      most = std::max(most, point.bytes.value);
    EXPECT_NEAR(stage.memory_bytes(), most, 1e-6 * most);
  }
  EXPECT_EQ(plan.cost().peak_memory_bytes(), worst);
  EXPECT_EQ(plan.cost().peak_memory_bytes(),
            plan.cost().parameter_bytes() + plan.cost().gradient_bytes() +
                plan.cost().optimizer_bytes() + plan.cost().activation_bytes());
  v1::Plan leaner = plan, busier = plan;
  leaner.mutable_stages(0)->set_activation_bytes(plan.stages(0).activation_bytes() - 1);
  busier.mutable_cost()->set_utilization(plan.cost().utilization() * 1.01);
  for (const v1::Plan& wrong : {leaner, busier}) {
    EXPECT_EQ(VerifyModulePlan(module, cluster, wrong).code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST(SimulateModulePlan, SharesAddUpToTheStepForEveryKindOfPlan) {
  const v1::Cluster cluster = *ClusterPreset("v100x4x2-25gbps");
  for (const char* strategy : {"opp", "adp", "pp", "hybrid"}) {
    v1::PlanOptions options = Options(strategy);
    options.set_max_decisions(100);
    if (options.strategy() == "hybrid") options.set_axis_size(2), options.set_stages(2);
    const v1::Plan plan = *PlanZoo("vgg19", "v100x4x2-25gbps", options);
    const auto simulation = *SimulateModulePlan(ZooModule("vgg19"), cluster, plan);
    EXPECT_NEAR(simulation.timeline.length.value, plan.cost().step_time_s(), 1e-9) << strategy;
    for (const auto& shares : {simulation.kinds, simulation.layers}) {
      double sum = 0;
      for (const TimeShare& share : shares) {
        EXPECT_GE(share.time.value, -1e-12) << strategy << " " << share.name;
        sum += share.time.value;
      }
      EXPECT_NEAR(sum, plan.cost().step_time_s(), 1e-9) << strategy;
    }
  }
}

TEST(SimulateModulePlan, AnotherScheduleHasAnotherStep) {
  const v1::Cluster cluster = *ClusterPreset("v100x2x2-25gbps");
  v1::Plan plan = *PlanZoo("vgg19", "v100x2x2-25gbps", PipelineOptions(8, 2));
  plan.set_schedule("GPIPE");
  const auto gpipe = *SimulateModulePlan(ZooModule("vgg19"), cluster, plan);
  EXPECT_EQ(gpipe.plan.stages(0).in_flight(), 8);
  EXPECT_EQ(gpipe.timeline.length.value, gpipe.cost.step_time_s());
  plan.set_schedule("HURRY");
  EXPECT_NE(SimulateModulePlan(ZooModule("vgg19"), cluster, plan)
                .status()
                .message()
                .find("plan.schedule: \"HURRY\""),
            absl::string_view::npos);
}

TEST(PlanModule, APipelineWithoutMemoryGetsACertificate) {
  const auto plan = PlanZoo("t5-11b-paper", "v100x8x4-25gbps", PipelineOptions(32));
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(plan.status().message().find("smallest number of stages that fits is "),
            absl::string_view::npos)
      << plan.status();
  v1::PlanOptions lifted = PipelineOptions(4);
  lifted.set_ignore_memory(true);
  const v1::Plan found = *PlanZoo("t5-11b-paper", "v100x8x2-25gbps", lifted);
  EXPECT_FALSE(found.cost().fits());
  EXPECT_EQ(found.stages_size(), 2);
}

TEST(PlanModule, ThePapersPresetSplitsTheBatch) {
  const v1::Plan plan = *PlanZoo("vgg19", "v100x8x1-25gbps", Options("adp", false, "paper"));
  int split = 0;
  for (const auto& dim : plan.input_dims()) split += dim.is_split();
  EXPECT_EQ(split, 2);
  EXPECT_TRUE(VerifyModulePlan(ZooModule("vgg19"), *ClusterPreset("v100x8x1-25gbps"), plan).ok());
}

TEST(PlanModule, DataParallelismGivesAReasonForEveryDimThatIsNotSplit) {
  const v1::Plan plan = *PlanZoo("vgg19", "v100x8x1-25gbps", Options("adp"));
  ASSERT_EQ(plan.input_dims_size(), 5);  // image[64,224,224,3], label[64]
  int split = 0;
  for (const auto& dim : plan.input_dims()) {
    EXPECT_EQ(dim.is_split(), dim.reason().empty()) << dim.name() << " " << dim.dim();
    EXPECT_EQ(dim.is_split(), dim.size() == 64);
    split += dim.is_split();
  }
  EXPECT_EQ(split, 2);
  EXPECT_NE(plan.input_dims(3).reason().find("NOT_DIVISIBLE"), std::string::npos);
}

TEST(PlanModule, AutoSaysWhyTheOthersLost) {
  v1::PlanOptions options = Options("auto");
  options.set_max_decisions(300);
  const v1::Plan plan = *PlanZoo("vgg19", "v100x8x1-25gbps", options);
  std::set<std::string> strategies = {plan.strategy()};
  EXPECT_TRUE(plan.cost().fits());
  for (const auto& other : plan.alternatives()) {
    strategies.insert(other.strategy());
    EXPECT_NE(other.summary(), "");
    if (other.cost().fits()) {
      EXPECT_GE(other.cost().step_time_s(), plan.cost().step_time_s() * (1 - 1e-9));
    }
  }
  EXPECT_EQ(strategies, (std::set<std::string>{"adp", "hybrid", "opp", "pp"}));
  EXPECT_TRUE(VerifyModulePlan(ZooModule("vgg19"), *ClusterPreset("v100x8x1-25gbps"), plan).ok());
}

TEST(PlanModule, EveryStrategyIsProvenBeforeAnyLearns) {
  bool learns = false;
  PlanObserver observer;
  observer.progress = [&](const v1::Progress& progress) {
    learns = learns || progress.engine() == "dqn";
  };
  const auto plan = PlanModule(ZooModule("t5-base-paper"), *ClusterPreset("v100x4x2-25gbps"),
                               Options("auto"), observer, [&] { return learns; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(learns);
  std::set<std::string> seen = {plan->strategy()};
  for (const auto& other : plan->alternatives()) {
    seen.insert(other.strategy());
    EXPECT_EQ(other.summary().find("not tried"), std::string::npos) << other.strategy();
  }
  EXPECT_EQ(seen, (std::set<std::string>{"adp", "opp", "pp", "hybrid"}));
}

TEST(PlanModule, WhereNothingFitsTheCertificateNamesTheClusterThatWouldDo) {
  v1::PlanOptions options = Options("auto");
  options.set_max_decisions(300);
  const auto plan = PlanZoo("t5-11b-paper", "v100x4x1-25gbps", options);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* text : {"adp: ", "opp: ", "pp: ", "hybrid: ", "GiB are there", "servers with"})
    EXPECT_NE(plan.status().message().find(text), absl::string_view::npos) << plan.status();
}

TEST(PlanModule, AProfileOfLayersIsPlannedWithoutAModule) {
  const std::string profile =
      R"({"microBatch": 2, "layers": [
          {"name": "a", "forwardS": 1, "backwardS": 2, "outputBytes": 1e6, "parameterBytes": 1e6},
          {"name": "b", "forwardS": 1, "backwardS": 2, "outputBytes": 1e6, "parameterBytes": 1e6},
          {"name": "c", "forwardS": 1, "backwardS": 2, "outputBytes": 1e6, "parameterBytes": 1e6},
          {"name": "d", "forwardS": 1, "backwardS": 2, "outputBytes": 1e6, "parameterBytes": 1e6}]})";
  const v1::Cluster cluster = *ClusterPreset("v100x1x2-25gbps");
  const auto plan = PlanModule(profile, cluster, PipelineOptions(8), {}, [] { return false; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->stages(0).layer(), "b");
  EXPECT_NEAR(plan->cost().step_time_s(), (8 + 1) * 6, 0.1);
  EXPECT_TRUE(VerifyModulePlan(profile, cluster, *plan).ok());
}

struct Refusal {
  const char* name;
  v1::PlanOptions options;
  absl::StatusCode code;
  const char* text;
};

TEST(PlanModule, RefusesWithThePath) {
  v1::PlanOptions uneven = Options("opp");
  uneven.set_axis_size(3);
  v1::PlanOptions no_index = Options("opp");
  no_index.add_roles();
  const Refusal refusals[] = {
      {"unknown strategy", Options("fast"), absl::StatusCode::kInvalidArgument, "options.strategy"},
      {"unknown preset", Options("opp", false, "best"), absl::StatusCode::kInvalidArgument,
       "options.preset"},
      {"axis that does not divide", uneven, absl::StatusCode::kInvalidArgument,
       "options.axis_size: 3"},
      {"role without index", no_index, absl::StatusCode::kInvalidArgument, "roles[0].index"},
  };
  for (const Refusal& refusal : refusals) {
    const auto plan = PlanZoo("mlp", "v100x8x1-25gbps", refusal.options);
    EXPECT_EQ(plan.status().code(), refusal.code) << refusal.name;
    EXPECT_NE(plan.status().message().find(refusal.text), absl::string_view::npos) << plan.status();
  }
}

struct PaperCase {
  const char* module;
  const char* cluster;
  int32_t axis_size;
};
class PaperTables : public testing::TestWithParam<PaperCase> {};

TEST_P(PaperTables, IsFoundOrBeaten) {
  const auto& [name, cluster_name, axis_size] = GetParam();
  const v1::Cluster cluster = *ClusterPreset(cluster_name);
  const auto module = PrepareZoo(name);
  const v1::Plan expected = PlanOfPaper(*module, cluster, axis_size, PresetSemantics(false));
  const v1::Plan found =
      *PlanModule(ZooModule(name), cluster, Options("opp", true), {}, [] { return false; });
  EXPECT_LE(found.cost().step_time_s(), expected.cost().step_time_s() * (1 + 1e-12));
  EXPECT_TRUE(VerifyModulePlan(ZooModule(name), cluster, found).ok());
  for (const auto& row : found.search().engines()) {
    if (row.engine() != "dqn") continue;
    EXPECT_LE(row.step_time_s(), expected.cost().step_time_s() * (1 + 1e-12));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PaperTables,
                         testing::Values(PaperCase{"t5-base-paper", "v100x4x1-25gbps", 4},
                                         PaperCase{"t5-3b-paper", "v100x8x1-25gbps", 8},
                                         PaperCase{"t5-3b-paper", "v100x8x2-25gbps", 16},
                                         PaperCase{"t5-3b-paper", "v100x8x4-25gbps", 32},
                                         PaperCase{"t5-11b-paper", "v100x8x1-25gbps", 8},
                                         PaperCase{"t5-11b-paper", "v100x8x2-25gbps", 16},
                                         PaperCase{"t5-11b-paper", "v100x8x4-25gbps", 32},
                                         PaperCase{"vgg19", "v100x8x1-25gbps", 8}),
                         [](const auto& test) {
                           return TestName(test.param.module) +
                                  std::to_string(test.param.axis_size);
                         });

TEST(Table3, HasTheAllReducesThatXlaHas) {
  const auto module = PrepareZoo("t5-base-paper");
  const v1::Plan plan = PlanOfPaper(*module, *ClusterPreset("v100x4x1-25gbps"), 4, {});
  ASSERT_EQ(plan.cost().collectives_size(), 1);
  EXPECT_EQ(plan.cost().collectives(0).count(), 198);
  EXPECT_NEAR(plan.cost().collectives(0).bytes() / 1e9, 12.231, 5e-4);
}

TEST(Table4, HasTheAllReducesThatXlaHas) {
  const auto module = PrepareZoo("vgg19");
  const v1::Plan plan = PlanOfPaper(*module, *ClusterPreset("v100x8x1-25gbps"), 8, {});
  ASSERT_EQ(plan.cost().collectives_size(), 1);
  EXPECT_EQ(plan.cost().collectives(0).count(), 9);
  EXPECT_NEAR(plan.cost().collectives(0).bytes() / 1e6, 8.5, 0.05);
}

// Changes one leaf field of a message somewhere, by reflection; returns its path, or nothing when
// it changed nothing.
std::string Mutate(google::protobuf::Message& message, std::mt19937& random, std::string path) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  if (fields.empty()) return "";
  const auto* field = fields[random() % fields.size()];
  path += (path.empty() ? "" : ".") + field->name();
  using Field = google::protobuf::FieldDescriptor;
  const int index = field->is_repeated()
                        ? static_cast<int>(random() % reflection->FieldSize(message, field))
                        : -1;
  if (index >= 0) path += "[" + std::to_string(index) + "]";
  const auto set = [&](auto single, auto repeated, auto value) {
    index >= 0 ? (reflection->*repeated)(&message, field, index, value)
               : (reflection->*single)(&message, field, value);
  };
  using R = google::protobuf::Reflection;
  switch (field->cpp_type()) {
    case Field::CPPTYPE_MESSAGE:
      return Mutate(index >= 0 ? *reflection->MutableRepeatedMessage(&message, field, index)
                               : *reflection->MutableMessage(&message, field),
                    random, path);
    case Field::CPPTYPE_STRING:
      set(&R::SetString, &R::SetRepeatedString, std::string("changed"));
      break;
    case Field::CPPTYPE_DOUBLE: {
      const double old = index >= 0 ? reflection->GetRepeatedDouble(message, field, index)
                                    : reflection->GetDouble(message, field);
      set(&R::SetDouble, &R::SetRepeatedDouble, old * 1.01 + 1e-3);
      break;
    }
    case Field::CPPTYPE_INT32: {
      const int32_t old = index >= 0 ? reflection->GetRepeatedInt32(message, field, index)
                                     : reflection->GetInt32(message, field);
      set(&R::SetInt32, &R::SetRepeatedInt32, old + 1);
      break;
    }
    case Field::CPPTYPE_INT64: {
      const int64_t old = index >= 0 ? reflection->GetRepeatedInt64(message, field, index)
                                     : reflection->GetInt64(message, field);
      set(&R::SetInt64, &R::SetRepeatedInt64, old + 1);
      break;
    }
    case Field::CPPTYPE_UINT32: {
      const uint32_t old = index >= 0 ? reflection->GetRepeatedUInt32(message, field, index)
                                      : reflection->GetUInt32(message, field);
      set(&R::SetUInt32, &R::SetRepeatedUInt32, old + 1);
      break;
    }
    case Field::CPPTYPE_BOOL: {
      const bool old = index >= 0 ? reflection->GetRepeatedBool(message, field, index)
                                  : reflection->GetBool(message, field);
      set(&R::SetBool, &R::SetRepeatedBool, !old);
      break;
    }
    case Field::CPPTYPE_ENUM: {
      const int old = index >= 0 ? reflection->GetRepeatedEnumValue(message, field, index)
                                 : reflection->GetEnumValue(message, field);
      set(&R::SetEnumValue, &R::SetRepeatedEnumValue,
          (old + 1) % field->enum_type()->value_count());
      break;
    }
    default:
      return "";
  }
  return path;
}

// What only repeating the search could tell: how it went, other categories' plans, which are not
// handed out, and options that the plan may make no use of.
bool IsOfSubstance(const std::string& path) {
  if (path.empty() || path.rfind("alternatives", 0) == 0) return false;
  if (path == "semantics.reshards" || path == "semantics.deferred_sums" ||
      path == "semantics.padding" || path == "semantics.composite_splits") {
    return false;
  }
  if (path.rfind("search", 0) != 0) return true;
  return path == "search.engine" || path == "search.preset" || path == "search.episodes" ||
         path == "search.decisions";
}

struct VerifiedCase {
  const char* module;
  const char* cluster;
  const char* strategy;
};

TEST(VerifyModulePlan, RefusesAPlanAlteredInAnyFieldOfSubstance) {
  const VerifiedCase cases[] = {
      {"mlp", "v100x4x1-25gbps", "opp"},      {"vgg19", "v100x8x1-25gbps", "adp"},
      {"vgg19", "v100x8x1-25gbps", "opp"},    {"torch-xla-cnn", "v100x4x1-25gbps", "opp"},
      {"tf-vgg19", "v100x8x2-25gbps", "adp"}, {"scan-lm-7b", "a100x8x1-200gbps", "opp"},
      {"resnet50", "v100x8x1-25gbps", "adp"}, {"t5-base-paper", "v100x4x1-25gbps", "opp"},
      {"vgg19", "v100x4x2-25gbps", "hybrid"}};
  std::mt19937 random(11);
  int tried = 0;
  for (const VerifiedCase& item : cases) {
    const std::string module = ZooModule(item.module);
    const v1::Cluster cluster = *ClusterPreset(item.cluster);
    v1::PlanOptions options = Options(item.strategy);
    options.set_max_decisions(200);
    if (options.strategy() == "hybrid") options.set_axis_size(2), options.set_stages(2);
    const auto plan = PlanZoo(item.module, item.cluster, options);
    ASSERT_TRUE(plan.ok()) << item.module << ": " << plan.status();
    const absl::Status verdict = VerifyModulePlan(module, cluster, *plan);
    ASSERT_TRUE(verdict.ok()) << item.module << ": " << verdict;
    for (int i = 0; i < 40; ++i) {
      v1::Plan altered = *plan;
      const std::string path = Mutate(altered, random, "");
      if (!IsOfSubstance(path) ||
          google::protobuf::util::MessageDifferencer::Equals(altered, *plan))
        continue;
      ++tried;
      EXPECT_FALSE(VerifyModulePlan(module, cluster, altered).ok()) << item.module << ": " << path;
    }
  }
  RecordProperty("alterations", tried);
  EXPECT_GE(tried, 200);
}

TEST(VerifyModulePlan, HoldsAPlanToWhatItUsesBeyondStrict) {
  const v1::Cluster cluster = *ClusterPreset("v100x8x1-25gbps");
  v1::PlanOptions options = Options("opp");
  options.set_axis_size(8);
  const v1::Plan deferred = *PlanZoo("t5-small-dropout", "v100x8x1-25gbps", options);
  v1::Plan altered = deferred;
  altered.mutable_semantics()->set_deferred_sums(false);
  EXPECT_FALSE(VerifyModulePlan(ZooModule("t5-small-dropout"), cluster, altered).ok());
  altered = deferred;
  altered.mutable_mesh(0)->set_sums_at_once(true);
  EXPECT_FALSE(VerifyModulePlan(ZooModule("t5-small-dropout"), cluster, altered).ok());
  const v1::Plan moved = *PlanZoo("bert-48", "v100x8x1-25gbps", options);
  ASSERT_GT(moved.reshards_size(), 0);
  EXPECT_TRUE(VerifyModulePlan(ZooModule("bert-48"), cluster, moved).ok());
  for (const auto& alter : std::vector<std::function<void(v1::Plan&)>>{
           [](v1::Plan& plan) { plan.clear_reshards(); },
           [](v1::Plan& plan) { plan.mutable_semantics()->set_reshards(false); },
           [](v1::Plan& plan) { plan.mutable_reshards(0)->set_node(1 << 30); },
           [](v1::Plan& plan) { plan.mutable_reshards(0)->set_operand(99); },
           [](v1::Plan& plan) { plan.mutable_reshards(0)->set_instruction("main/add.1"); },
           [](v1::Plan& plan) { plan.mutable_reshards(0)->set_axis("data"); },
           [](v1::Plan& plan) { plan.mutable_reshards(0)->set_bytes(1); }}) {
    altered = moved;
    alter(altered);
    EXPECT_FALSE(VerifyModulePlan(ZooModule("bert-48"), cluster, altered).ok());
  }
}

TEST(VerifyModulePlan, RefusesAPlanForAnotherModuleOrCluster) {
  const v1::Plan plan = *PlanZoo("t5-3b-paper", "v100x8x1-25gbps", Options("opp", true));
  EXPECT_FALSE(
      VerifyModulePlan(ZooModule("t5-11b-paper"), *ClusterPreset("v100x8x1-25gbps"), plan).ok());
  EXPECT_FALSE(
      VerifyModulePlan(ZooModule("t5-3b-paper"), *ClusterPreset("a100x8x1-200gbps"), plan).ok());
}

}  // namespace
}  // namespace automap
