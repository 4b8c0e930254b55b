// Kinds of models that nothing was written for (tests/data/kinds, made by
// tests/tools/export_*.py): roles by inference, every opcode with a rule, propagation that keeps
// its promises, a plan that verifies.
#include <set>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "planner/plan_module.h"
#include "planner/propagation/linkage_groups.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/files.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

std::string ReadKind(const std::string& file) { return ReadTestData("kinds/" + file); }

class UnseenKind : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto module = PreparedModule::Create(bytes_, {});
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
  }

  static std::string ReadModuleOf(const std::string& kind) {
    const std::string proto = ReadKind(kind + ".hlo.pb.gz");
    return proto.empty() ? ReadKind(kind + ".hlo.txt.gz") : proto;
  }

  const std::string bytes_ = ReadModuleOf(GetParam());
  std::unique_ptr<const PreparedModule> module_;
};

TEST_P(UnseenKind, RolesAreInferredAsTheyAre) {
  const auto truth = nlohmann::json::parse(ReadKind(std::string(GetParam()) + ".roles.json"));
  ASSERT_EQ(truth["parameters"].size(), module_->roles().of.size());
  for (size_t p = 0; p < module_->roles().of.size(); ++p) {
    std::string name(RoleName(module_->roles().of[p]));
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(name, truth["parameters"][p]["role"]) << module_->roles().names[p];
  }
}

TEST_P(UnseenKind, EveryOpcodeHasARule) { EXPECT_TRUE(module_->Unsupported().empty()); }

TEST_P(UnseenKind, GroupsPartitionTheFeasibleDims) {
  for (const int64_t size : {2, 4, 8}) {
    const LinkageGroups found =
        FindLinkageGroups(module_->wiring(), module_->roles(), Role::kVariable, {size, {}});
    std::set<ParameterDim> seen;
    for (const LinkageGroup& group : found.groups) {
      for (const ParameterDim& member : group.members) {
        EXPECT_TRUE(seen.insert(member).second);
        Propagation alone(module_->wiring(), {size, {}});
        const TensorId tensor = module_->graph().parameters()[member.parameter].tensor;
        EXPECT_FALSE(alone.Split({tensor, member.dim}));
      }
    }
    for (const InfeasibleDim& item : found.infeasible) {
      EXPECT_FALSE(seen.contains(item.decision));
    }
  }
}

TEST_P(UnseenKind, EveryStrategyGivesAPlanThatVerifies) {
  const v1::Cluster cluster = *ClusterPreset("v100x4x1-25gbps");
  for (const char* strategy : {"adp", "opp"}) {
    v1::PlanOptions options;
    options.set_strategy(strategy);
    options.set_max_decisions(300);
    const auto plan = PlanModule(bytes_, cluster, options, {}, [] { return false; });
    ASSERT_TRUE(plan.ok()) << plan.status();
    const absl::Status verdict = VerifyModulePlan(bytes_, cluster, *plan);
    EXPECT_TRUE(verdict.ok()) << strategy << ": " << verdict;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnseenKind,
                         testing::Values("mixer", "unet", "gcn", "wavenet", "sparse_moe", "tf_mlp",
                                         "torch_mlp"),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap
