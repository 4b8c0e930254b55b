#include "planner/explore/hybrid/axis_groups.h"

#include <set>

#include "gtest/gtest.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

void ExpectEqual(const AxisGroups& a, const AxisGroups& b) {
  EXPECT_EQ(a.is_additive, b.is_additive);
  EXPECT_EQ(a.all.conflicts, b.all.conflicts);
  ASSERT_EQ(a.all.groups.size(), b.all.groups.size());
  for (size_t g = 0; g < a.all.groups.size(); ++g) {
    const LinkageGroup &left = a.all.groups[g], &right = b.all.groups[g];
    EXPECT_EQ(left.members, right.members);
    EXPECT_EQ(left.implied, right.implied);
    EXPECT_EQ(left.factors, right.factors);
    EXPECT_EQ(left.outers, right.outers);
    EXPECT_EQ(left.tensors, right.tensors);
    EXPECT_EQ(left.cuts, right.cuts);
  }
}

class AxisGroupsOfZoo : public testing::TestWithParam<const char*> {};

TEST_P(AxisGroupsOfZoo, AreThoseThatWouldBeFoundAnew) {
  const auto module = PrepareZoo(GetParam());
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x8x2-25gbps"));
  std::vector<std::unique_ptr<const StepCosts>> all;
  for (const int32_t micro_batches : {1, 4, 8, 16, 32}) {
    auto costs = StepCosts::Create(*module, cluster, micro_batches);
    if (costs.ok()) all.push_back(*std::move(costs));
  }
  ASSERT_GT(all.size(), 2u);
  KnownAxisGroups known;
  size_t shared = 0;
  for (const bool beyond_strict : {false, true}) {
    Semantics semantics = PresetSemantics(false);
    semantics.composite_splits = semantics.padding = beyond_strict;
    for (const int32_t size : {2, 8}) {
      std::set<const AxisGroups*> found;
      for (const auto& costs : all) {
        const auto groups = known.Of(*costs, size, semantics);
        ExpectEqual(*groups, *KnownAxisGroups().Of(*costs, size, semantics));
        found.insert(groups.get());
      }
      shared += all.size() - found.size();
    }
  }
  EXPECT_GT(shared, 0u);
}

INSTANTIATE_TEST_SUITE_P(Zoo, AxisGroupsOfZoo, testing::Values("mlp", "vgg19", "t5-base"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

// A batch of 2 x M cut into M can be cut into two parts more, cut into 2 x M it cannot.
TEST(LeaveAlike, NotWhereOneLeavesADimThatCanBeCutAgain) {
  const auto module = PrepareZoo("mlp");
  const Batch batch = FindBatch(*module, 2);
  ASSERT_EQ(batch.size % 4, 0);
  const auto after = [&](int64_t parts) {
    return WithSplits({}, *FindBatch(*module, parts).propagation);
  };
  const PriorSplits half = after(batch.size / 2), whole = after(batch.size),
                    quarter = after(batch.size / 4);
  EXPECT_FALSE(LeaveAlike(module->wiring(), half, whole, 2));
  EXPECT_TRUE(LeaveAlike(module->wiring(), half, quarter, 2));
  EXPECT_FALSE(LeaveAlike(module->wiring(), half, quarter, 4));
  EXPECT_TRUE(LeaveAlike(module->wiring(), whole, whole, 2));
  EXPECT_FALSE(LeaveAlike(module->wiring(), {}, whole, 2));
}

}  // namespace
}  // namespace automap
