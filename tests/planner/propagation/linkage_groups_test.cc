#include "planner/propagation/linkage_groups.h"

#include "gtest/gtest.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// Counts of an independent prototype that was checked against XLA's partitioner: groups and
// feasible dims at axis sizes 2, 4, 8, 16, 32, and the pairs of groups that conflict at 4.
struct Expected {
  const char* module;
  std::vector<std::pair<int, int>> groups_and_dims;
  int largest, pairs;
};

const Expected kExpected[] = {
    {"mlp", {{3, 6}, {3, 6}, {3, 6}, {3, 6}, {1, 3}}, 3, 2},
    {"mlp-jax-0.10", {{3, 6}, {3, 6}, {3, 6}, {3, 6}, {1, 3}}, 3, 2},
    {"vgg19", {{18, 53}, {18, 53}, {18, 53}, {17, 51}, {17, 51}}, 3, 16},
    {"tf-vgg19", {{18, 53}, {18, 53}, {18, 53}, {17, 51}, {17, 51}}, 3, 16},
    {"torch-xla-cnn", {{4, 13}, {4, 13}, {4, 13}, {4, 13}, {3, 11}}, 5, 3},
    {"resnet50", {{38, 214}, {38, 214}, {38, 214}, {37, 212}, {37, 212}}, 28, 53},
    {"scan-lm-7b", {{5, 15}, {5, 15}, {5, 15}, {5, 15}, {5, 15}}, 8, 5},
    {"t5-small-dropout", {{24, 230}, {24, 230}, {24, 230}, {16, 156}, {16, 156}}, 129, 23},
    {"t5-base", {{42, 452}, {42, 452}, {28, 306}, {28, 306}, {28, 306}}, 255, 41},
    {"t5-base-paper", {{42, 500}, {42, 500}, {28, 354}, {28, 354}, {28, 354}}, 279, 41},
    {"t5-3b", {{78, 896}, {78, 896}, {78, 896}, {78, 896}, {78, 896}}, 507, 77},
    {"t5-11b", {{78, 896}, {78, 896}, {78, 896}, {78, 896}, {78, 896}}, 507, 77},
    {"t5-3b-paper", {{78, 992}, {78, 992}, {78, 992}, {78, 992}, {78, 992}}, 555, 77},
    {"t5-11b-paper", {{78, 992}, {78, 992}, {78, 992}, {78, 992}, {78, 992}}, 555, 77},
    {"bert-48", {{99, 484}, {97, 481}, {97, 481}, {97, 481}, {49, 145}}, 7, 0},
};

class LinkageGroupsOfZoo : public testing::TestWithParam<Expected> {};

TEST_P(LinkageGroupsOfZoo, CountsAgreeWithTheIndependentPrototype) {
  const auto module = PrepareZoo(GetParam().module);
  int64_t size = 2;
  for (const auto& [groups, dims] : GetParam().groups_and_dims) {
    const LinkageGroups found =
        FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {size, false});
    int feasible = 0;
    for (const LinkageGroup& group : found.groups) feasible += group.members.size();
    EXPECT_EQ(std::make_pair(static_cast<int>(found.groups.size()), feasible),
              std::make_pair(groups, dims))
        << size;
    if (size == 4) {
      int pairs = 0;
      for (const auto& conflicts : found.conflicts) pairs += conflicts.size();
      EXPECT_EQ(pairs / 2, GetParam().pairs);
      EXPECT_EQ(static_cast<int>(found.groups[0].members.size()), GetParam().largest);
    }
    size *= 2;
  }
}

TEST_P(LinkageGroupsOfZoo, WithoutStructuresNothingElseDiffers) {
  const auto module = PrepareZoo(GetParam().module);
  const auto& roles = module->roles();
  const LinkageGroups whole =
      FindLinkageGroups(module->wiring(), roles, Role::kVariable, {4, false});
  const LinkageGroups plain =
      FindUnnumberedGroups(module->wiring(), roles, Role::kVariable, {4, false});
  EXPECT_EQ(plain.conflicts, whole.conflicts);
  EXPECT_TRUE(plain.copies.empty());
  const std::vector<int32_t> structures = StructuresOf(module->wiring(), plain.groups);
  ASSERT_EQ(plain.groups.size(), whole.groups.size());
  for (size_t g = 0; g < plain.groups.size(); ++g) {
    EXPECT_EQ(plain.groups[g].members, whole.groups[g].members);
    EXPECT_EQ(plain.groups[g].structure, -1);
    EXPECT_EQ(structures[g], whole.groups[g].structure);
  }
}

TEST_P(LinkageGroupsOfZoo, EveryDimOfEveryVariableIsInOneGroupOrInfeasible) {
  const auto module = PrepareZoo(GetParam().module);
  const LinkageGroups found =
      FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {4, false});
  std::vector<ParameterDim> seen;
  for (const LinkageGroup& group : found.groups)
    seen.insert(seen.end(), group.members.begin(), group.members.end());
  for (const InfeasibleDim& item : found.infeasible) seen.push_back(item.decision);
  std::sort(seen.begin(), seen.end());
  std::vector<ParameterDim> all;
  for (size_t p = 0; p < module->graph().parameters().size(); ++p) {
    if (module->roles().of[p] != Role::kVariable) continue;
    const int rank = module->graph().tensor(module->graph().parameters()[p].tensor).rank;
    for (int dim = 0; dim < rank; ++dim) all.push_back({static_cast<int32_t>(p), dim});
  }
  EXPECT_EQ(seen, all);
}

INSTANTIATE_TEST_SUITE_P(Zoo, LinkageGroupsOfZoo, testing::ValuesIn(kExpected),
                         [](const auto& test) { return TestName(test.param.module); });

TEST(LinkageGroups, T5HasNineKindsOfGroup) {
  const auto module = PrepareZoo("t5-11b-paper");
  const LinkageGroups found =
      FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {8, false});
  EXPECT_EQ(found.copies.size(), 9u);
}

TEST(LinkageGroups, PaperRuleForbidsTheHiddenDimension) {
  const auto module = PrepareZoo("t5-base-paper");
  const LinkageGroups found =
      FindLinkageGroups(module->wiring(), module->roles(), Role::kVariable, {4, true});
  EXPECT_LT(found.groups[0].members.size(), 279u);
  EXPECT_EQ(found.groups.size(), 40u);
}

}  // namespace
}  // namespace automap
