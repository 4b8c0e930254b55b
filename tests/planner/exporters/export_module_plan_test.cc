#include "planner/export_module_plan.h"

#include <random>

#include "gtest/gtest.h"
#include "planner/exporters/import_shardings.h"
#include "planner/exporters/splice.h"
#include "planner/plan/describe_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"
#include "xla/hlo.pb.h"

namespace automap {
namespace {

// Random groups on a model axis of 4, inputs on a data axis of 2 where they can be.
v1::Plan RandomPlan(const PreparedModule& module, uint32_t seed) {
  std::mt19937 random(seed);
  Decisions decisions;
  decisions.axes.push_back({kDataAxis, 2, {}});
  const LinkageGroups inputs =
      FindLinkageGroups(module.wiring(), module.roles(), Role::kInput, {2, false});
  for (const LinkageGroup& group : inputs.groups) {
    if (group.members.front().dim == 0) decisions.axes[0].splits = {group.members.front()};
  }
  const AppliedDecisions data = *AppliedDecisions::Create(module, decisions);
  const LinkageGroups found = FindLinkageGroups(module.wiring(), module.roles(), Role::kVariable,
                                                {4, false}, &data.splits());
  decisions.axes.push_back({kModelAxis, 4, {}});
  Propagation state(module.wiring(), {4, false}, &data.splits());
  for (const LinkageGroup& group : found.groups) {
    const ParameterDim member = group.members.front();
    const TensorId tensor = module.graph().parameters()[member.parameter].tensor;
    if (random() % 2 == 0 && !state.Split({tensor, member.dim})) {
      decisions.axes[1].splits.push_back(member);
    }
  }
  return *DescribePlan(module, *ClusterPreset("v100x8x1-25gbps"), decisions, {});
}

// Takes out the "Sharding" custom calls, and says how many there were.
int64_t RemoveAnnotations(xla::HloComputationProto& computation) {
  std::map<int64_t, int64_t> stands_for;
  xla::HloComputationProto plain = computation;
  plain.clear_instructions();
  for (xla::HloInstructionProto instruction : computation.instructions()) {
    for (int64_t& operand : *instruction.mutable_operand_ids()) {
      const auto found = stands_for.find(operand);
      if (found != stands_for.end()) operand = found->second;
    }
    if (instruction.custom_call_target() == "Sharding") {
      stands_for[instruction.id()] = instruction.operand_ids(0);
    } else {
      *plain.add_instructions() = instruction;
    }
  }
  const auto root = stands_for.find(plain.root_id());
  if (root != stands_for.end()) plain.set_root_id(root->second);
  computation = std::move(plain);
  return stands_for.size();
}

class ExportOfZoo : public testing::TestWithParam<std::string> {
 protected:
  const std::string bytes_ = ReadZooFile(GetParam(), ".hlo.pb.gz");
  const std::unique_ptr<const PreparedModule> module_ = PrepareZoo(GetParam());
  const v1::Plan plan_ = RandomPlan(*module_, 7);

  std::string Export(ExportFormat format, Pins pins = Pins::kBorder) const {
    const auto exported = ExportModulePlan(bytes_, plan_, {format, pins});
    EXPECT_TRUE(exported.ok()) << exported.status();
    return exported.ok() ? *exported : "";
  }

  // What the shardings read back say, with every number worked out again.
  v1::Plan DescribeAgain(const absl::StatusOr<v1::Plan>& shardings) const {
    EXPECT_TRUE(shardings.ok()) << shardings.status();
    const auto decisions = DecisionsOf(*module_, *shardings);
    EXPECT_TRUE(decisions.ok()) << decisions.status();
    return *DescribePlan(*module_, *ClusterPreset("v100x8x1-25gbps"), *decisions, {});
  }
};

TEST_P(ExportOfZoo, TakingTheShardingsOutAgainGivesTheInputByteForByte) {
  for (const Pins pins : {Pins::kBorder, Pins::kValues}) {
    const std::string exported = Export(ExportFormat::kHlo, pins);
    ASSERT_NE(exported, bytes_);
    InstructionFields none;
    for (size_t c = 0; c < module_->graph().module().index.computations.size(); ++c) {
      const int32_t count = module_->graph().module().index.computations[c].size();
      for (int32_t i = 0; i < count; ++i) none[{static_cast<int32_t>(c), i}] = "";
    }
    EXPECT_EQ(*SpliceInstructions(exported, 40, none), bytes_);
  }
}

TEST_P(ExportOfZoo, EveryFormatReadsBackAsTheSamePlan) {
  const std::string expected = plan_.SerializeAsString();
  const auto graph = BuildGraph(*ReadModule(Export(ExportFormat::kHlo)));
  EXPECT_EQ(DescribeAgain(ImportShardings(*graph, plan_.mesh())).SerializeAsString(), expected);
  EXPECT_EQ(
      DescribeAgain(ImportShardings(Export(ExportFormat::kPartitionSpec))).SerializeAsString(),
      expected);
  EXPECT_EQ(DescribeAgain(ImportShardings(Export(ExportFormat::kShardy))).SerializeAsString(),
            expected);
}

TEST_P(ExportOfZoo, PinnedModulesHaveAShardingAlmostEverywhere) {
  xla::HloModuleProto module;
  ASSERT_TRUE(module.ParseFromString(Export(ExportFormat::kHlo, Pins::kValues)));
  int64_t with = 0, all = 0;
  const auto& index = module_->graph().module().index;
  for (const auto& instruction : module.computations(index.entry).instructions()) {
    if (instruction.shape().element_type() == xla::TUPLE) continue;
    with += instruction.has_sharding();
    ++all;
  }
  EXPECT_EQ(with, all);
}

// The annotations aside, nothing changes, and reading it again gives the same plan.
TEST_P(ExportOfZoo, PinnedReadsAreTheModuleWithAnnotationsBetween) {
  const auto annotated = ReadModule(Export(ExportFormat::kHlo, Pins::kReads));
  ASSERT_TRUE(annotated.ok()) << annotated.status();
  const auto values = ReadModule(Export(ExportFormat::kHlo, Pins::kValues));
  xla::HloModuleProto without = *annotated->proto;
  int64_t count = 0;
  for (auto& computation : *without.mutable_computations()) count += RemoveAnnotations(computation);
  EXPECT_GT(count, 0);
  EXPECT_EQ(without.SerializeAsString(), values->proto->SerializeAsString());
  const auto graph = BuildGraph(*annotated);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(DescribeAgain(ImportShardings(*graph, plan_.mesh())).SerializeAsString(),
            plan_.SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(Zoo, ExportOfZoo,
                         testing::Values("mlp", "vgg19", "torch-xla-cnn", "scan-lm-7b",
                                         "t5-small-dropout", "t5-base-paper"),
                         [](const auto& test) { return TestName(test.param); });

TEST(ExportModulePlan, KeepsTheContainerAndUnknownFields) {
  const std::string bytes = ReadZooFile("mlp", ".hlo.pb.gz");
  const v1::Plan plan = RandomPlan(*PrepareZoo("mlp"), 1);
  xla::HloProto container;
  ASSERT_TRUE(container.mutable_hlo_module()->ParseFromString(bytes));
  const std::string wrapped = container.SerializeAsString() + std::string("\xfa\x3e\x03xyz");
  const auto module = PreparedModule::Create(wrapped, {});
  v1::Plan of_wrapped = plan;
  of_wrapped.set_module_sha256((*module)->graph().module().sha256);
  const auto exported = ExportModulePlan(wrapped, of_wrapped, {ExportFormat::kHlo, Pins::kBorder});
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_TRUE(container.ParseFromString(*exported));
  EXPECT_EQ(exported->substr(exported->size() - 6), std::string("\xfa\x3e\x03xyz"));
  EXPECT_TRUE(container.hlo_module().computations_size() > 0);
}

TEST(ExportModulePlan, RefusesAPlanOfAnotherModule) {
  const v1::Plan plan = RandomPlan(*PrepareZoo("mlp"), 1);
  const auto exported = ExportModulePlan(ZooModule("vgg19"), plan, {});
  EXPECT_EQ(exported.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(exported.status().message().find("module_sha256"), std::string::npos);
}

TEST(ExportModulePlan, WritesTextModulesAsProtos) {
  const std::string text = ReadZooFile("mlp", ".hlo.txt.gz");
  v1::Plan plan = RandomPlan(*PrepareZoo("mlp"), 1);
  plan.set_module_sha256((*PreparedModule::Create(text, {}))->graph().module().sha256);
  const auto exported = ExportModulePlan(text, plan, {ExportFormat::kHlo, Pins::kBorder});
  ASSERT_TRUE(exported.ok()) << exported.status();
  xla::HloModuleProto module;
  EXPECT_TRUE(module.ParseFromString(*exported));
}

TEST(ImportShardings, RefusesWithThePath) {
  const std::pair<const char*, const char*> cases[] = {
      {"[", "shardings"},
      {"{}", "shardings"},
      {R"({"mesh": [3], "parameters": []})", "mesh[0]"},
      {R"({"mesh": [], "parameters": [{"spec": []}]})", "parameters[0]"},
      {R"({"mesh": [], "parameters": [{"parameterNumber": 0, "spec": [3]}]})", "parameters[0]"},
      {R"({"mesh": "<[\"a\"=x]>", "arguments": []})", "mesh"},
      {R"({"mesh": "", "arguments": [{"parameterNumber": 0, "sharding": "?"}]})", "arguments[0]"},
  };
  for (const auto& [json, path] : cases) {
    const auto plan = ImportShardings(json);
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_NE(plan.status().message().find(path), std::string::npos) << plan.status();
  }
}

}  // namespace
}  // namespace automap
