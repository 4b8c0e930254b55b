#include <algorithm>

#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/collective/group_path.h"
#include "simulator/collective/in_switch.h"
#include "simulator/collective/pairwise.h"
#include "simulator/collective/ring.h"
#include "simulator/collective/tree.h"
#include "tests/contracts/collective_contract.h"

namespace automap {
namespace {

Cluster Preset(const char* name) { return *ClusterFromProto(*ClusterPreset(name)); }

GroupPath PathOf(const Cluster& cluster, std::vector<Mesh::Axis> axes, int axis = 0) {
  return PathsOf(cluster, {std::move(axes), 0})[axis];
}

double AllReduce(const GroupPath& path, double bytes) {
  return ModelOf(CollectiveKind::kAllReduce).Time(path, {bytes}).value;
}

class Collectives : public testing::TestWithParam<CollectiveRow> {};
TEST_P(Collectives, KeepTheContract) { CheckCollectiveContract(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Catalog, Collectives,
                         testing::ValuesIn(CollectiveCatalog().begin(), CollectiveCatalog().end()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(CollectiveCatalog, HasARowForEveryKindInItsOrder) {
  for (size_t i = 0; i < CollectiveCatalog().size(); ++i)
    EXPECT_EQ(static_cast<size_t>(CollectiveCatalog()[i].kind), i);
  EXPECT_EQ(CollectiveCatalog().size(), 6u);
}

// Closed forms, 1 GB = 1e9 bytes.
double Ramp(double bytes, double delay, double bandwidth) {
  const double under_way = std::min(64e6, 2.6 * delay * bandwidth);
  return 1 + under_way / (bytes + under_way);
}

struct ClosedForm {
  const char* name;
  const char* cluster;
  int devices;
  double bytes, seconds, tolerance;
};
const ClosedForm kClosedForms[] = {
    {"8 V100", "v100x8x1-25gbps", 8, 1e9,
     1.75e9 / 130e9 * Ramp(1e9, 14 * 3.4e-6, 130e9) + 8.4e-6 + 14 * 3.4e-6, 1e-6},
    {"4 x 8 V100, 25 Gb/s", "v100x8x4-25gbps", 32, 1e9,
     1.9375e9 / 2.5e9 * Ramp(1e9, 6 * 30e-6, 2.5e9) + 8.4e-6 + 56 * 3.4e-6 + 6 * 30e-6, 1e-6},
    {"4 x 8 A100, 8 x 200 Gb/s", "a100x8x4-200gbps", 32, 1e9,
     1.9375e9 / 192e9 * Ramp(1e9, 6 * 14e-6, 192e9) + 8.4e-6 + 56 * 3.4e-6 + 6 * 14e-6, 1e-6},
    {"64 KiB, 8 V100, LL", "v100x8x1-25gbps", 8, 65536,
     1.75 * 65536 / 45.5e9 * Ramp(65536, 14 * 0.6e-6, 45.5e9) + 6.6e-6 + 14 * 0.6e-6, 1e-6},
    {"4 MiB, 8 A100, LL128", "a100x8x1-200gbps", 8, 1 << 22,
     1.75 * (1 << 22) / 216.2e9 * Ramp(1 << 22, 14 * 1.9e-6, 216.2e9) + 14e-6 + 14 * 1.9e-6, 1e-6},
    {"1 GiB, 8 A100, measured", "a100x8x1-200gbps", 8, 1 << 30, 8.204e-3, 0.02},
};

TEST(AllReduce, HasItsClosedForms) {
  for (const ClosedForm& form : kClosedForms) {
    const GroupPath path = PathOf(Preset(form.cluster), {{"x", form.devices}});
    EXPECT_NEAR(AllReduce(path, form.bytes), form.seconds, form.tolerance * form.seconds)
        << form.name;
  }
}

TEST(RingModel, IsItsFormula) {
  const GroupPath path = TestPath(1, 8);
  const double bytes = 1e8;
  EXPECT_NEAR(RingModel(2, kSimple).Time(path, {bytes}).value,
              8.4e-6 + 14 * 3e-6 + 1.75 * bytes / 100e9 * Ramp(bytes, 14 * 3e-6, 100e9), 1e-12);
  const double step = 3e-6 * 3 / 17;
  EXPECT_NEAR(RingModel(1, kLowLatency).Time(path, {bytes}).value,
              6.6e-6 + 7 * step + 0.875 * bytes / 35e9 * Ramp(bytes, 7 * step, 35e9), 1e-12);
  const GroupPath across = TestPath(4, 8);
  EXPECT_NEAR(RingModel(2, kSimple).Time(across, {bytes}).value,
              8.4e-6 + 2 * 28 * 3e-6 + 2 * 3 * 20e-6 +
                  2 * 31.0 / 32 * bytes / 10e9 * Ramp(bytes, 2 * 3 * 20e-6, 10e9),
              1e-12)
      << "a round crosses servers three times";
  EXPECT_TRUE(std::isinf(RingModel(2, kLowLatency128).Time(across, {bytes}).value))
      << "LL128 needs NVLink";
}

TEST(TreeModel, WinsForSmallTensorsOnManyServersOnly) {
  const TreeModel tree(kSimple);
  const RingModel ring(2, kSimple);
  EXPECT_LT(tree.Time(TestPath(64, 8), {1e5}), ring.Time(TestPath(64, 8), {1e5}));
  EXPECT_GT(tree.Time(TestPath(64, 8), {1e10}), ring.Time(TestPath(64, 8), {1e10}));
  EXPECT_TRUE(std::isinf(tree.Time(TestPath(1, 8), {1e5}).value));
}

TEST(InSwitchModel, IsWhatEightH100Use) {
  const GroupPath path = PathOf(Preset("h100x8x1-400gbps"), {{"x", 8}});
  EXPECT_LT(InSwitchModel().Time(path, {8e9}), RingModel(2, kSimple).Time(path, {8e9}));
  const double bus_bandwidth = 1.75 * 16e9 / AllReduce(path, 16e9);
  EXPECT_NEAR(bus_bandwidth, 480e9, 0.03 * 480e9) << "measured on H200, the same NVLink";
  const GroupPath without = PathOf(Preset("a100x8x1-200gbps"), {{"x", 8}});
  EXPECT_TRUE(std::isinf(InSwitchModel().Time(without, {8e9}).value));
}

TEST(AllToAllModel, IsBoundByTheServersPorts) {
  EXPECT_NEAR(AllToAllModel().Time(TestPath(4, 8), {1e12}).value, 8 * 24.0 / 1024 * 1e12 / 10e9,
              1e-2);
  EXPECT_NEAR(AllToAllModel().Time(TestPath(1, 8), {1e12}).value, 7.0 / 64 * 1e12 / 100e9, 1e-2);
  EXPECT_NEAR(AllToAllModel().Time(TestPath(1, 8), {1}).value, 7 * 8.4e-6 + 7 * 3e-6, 1e-9)
      << "seven transfers start";
}

TEST(PathsOf, GroupsThatLeaveAServerShareItsPorts) {
  const Cluster cluster = Preset("v100x8x4-25gbps");
  EXPECT_DOUBLE_EQ(PathOf(cluster, {{"data", 4}, {"model", 8}}, 0).outside.value, 2.5e9 / 8);
  EXPECT_DOUBLE_EQ(PathOf(cluster, {{"x", 32}}).outside.value, 2.5e9);
  EXPECT_EQ(PathOf(cluster, {{"data", 4}, {"model", 8}}, 1),
            PathOf(Preset("v100x8x1-25gbps"), {{"x", 8}}))
      << "inside servers nothing is shared";
}

// The three steps of a two-level all-reduce are steps of a program on two axes.
TEST(PathsOf, TwoLevelAllReduceIsThreeSteps) {
  const auto paths = PathsOf(Preset("v100x8x4-25gbps"), {{{"outer", 4}, {"inner", 8}}, 0});
  const double bytes = 1e9;
  const double scatter = ModelOf(CollectiveKind::kReduceScatter).Time(paths[1], {bytes}).value;
  const double gather = ModelOf(CollectiveKind::kAllGather).Time(paths[1], {bytes}).value;
  const double across = AllReduce(paths[0], bytes / 8);
  EXPECT_NEAR(scatter + across + gather, 1.75e9 / 130e9 + 1.5e9 / 2.5e9, 0.01 * 0.6135);
}

Cluster TwoRacks(double rack, double top) {
  v1::Cluster proto = *ClusterPreset("v100x8x4-25gbps");
  for (int i = 0; i < 2; ++i) {
    auto& item = *proto.add_switches();
    item.set_name(i == 0 ? "a" : "b");
    item.add_servers(2 * i), item.add_servers(2 * i + 1);
    item.set_oversubscription(rack);
  }
  auto& spine = *proto.add_switches();
  spine.add_switches("a"), spine.add_switches("b");
  spine.set_oversubscription(top);
  return *ClusterFromProto(proto);
}

TEST(PathsOf, OversubscribedSwitchesAreShared) {
  const std::vector<Mesh::Axis> all = {{"x", 32}};
  EXPECT_DOUBLE_EQ(PathOf(TwoRacks(1, 1), all).outside.value, 2.5e9);
  EXPECT_DOUBLE_EQ(PathOf(TwoRacks(4, 1), all).outside.value, 2 * 2.5e9 / 4)
      << "one ring leaves each rack";
  EXPECT_DOUBLE_EQ(PathOf(TwoRacks(4, 1), {{"racks", 2}, {"x", 16}}, 1).outside.value, 2.5e9)
      << "inside a rack nothing is oversubscribed";
  EXPECT_DOUBLE_EQ(PathOf(TwoRacks(1, 2), all).outside.value, 2.5e9 / 2);
}

TEST(PathsOf, ACubeMeshGivesSmallGroupsLess) {
  v1::Cluster proto = *ClusterPreset("v100x8x1-25gbps");
  proto.mutable_links(0)->set_cube_mesh(true);
  const Cluster cluster = *ClusterFromProto(proto);
  const auto wires = [&](std::vector<Mesh::Axis> axes, int axis) {
    return PathOf(cluster, std::move(axes), axis).ring.value / (130e9 / 6);
  };
  EXPECT_NEAR(wires({{"x", 8}}, 0), 6, 1e-9);
  EXPECT_NEAR(wires({{"a", 2}, {"b", 4}}, 1), 4, 1e-9) << "a quad";
  EXPECT_NEAR(wires({{"a", 2}, {"b", 4}}, 0), 2, 1e-9) << "between the quads";
  EXPECT_NEAR(wires({{"a", 4}, {"b", 2}}, 1), 1, 1e-9) << "the worst pair";
  EXPECT_NEAR(wires({{"a", 4}, {"b", 2}}, 0), 2, 1e-9) << "one ring, both ways";
}

TEST(PathsOf, ACubeMeshSendsToSomeThroughTheHost) {
  v1::Cluster proto = *ClusterPreset("v100x8x1-25gbps");
  const Cluster ring = *ClusterFromProto(proto);
  EXPECT_DOUBLE_EQ(PathOf(ring, {{"x", 8}}).exchange.value, 0.83 * 130e9);
  proto.mutable_links(0)->set_cube_mesh(true);
  const Cluster cluster = *ClusterFromProto(proto);
  EXPECT_NEAR(PathOf(cluster, {{"x", 8}}).exchange.value, 7.0 / 3 * 6.3e9, 1)
      << "three of seven without a wire share half of PCIe 3";
  EXPECT_NEAR(PathOf(cluster, {{"a", 2}, {"b", 4}}, 1).exchange.value, 3 * 130e9 / 6, 1)
      << "in a quad the narrowest wire";
}

TEST(PathsOf, HalfDuplexLinksHalve) {
  v1::Cluster proto = *ClusterPreset("v100x8x4-25gbps");
  proto.mutable_links(1)->set_half_duplex(true);
  EXPECT_DOUBLE_EQ(PathOf(*ClusterFromProto(proto), {{"x", 32}}).outside.value, 1.25e9);
}

TEST(TransferTime, IsBoundByPortsAndDevices) {
  const Cluster cluster = Preset("a100x8x2-200gbps");
  const double latency = 1e-4;
  EXPECT_NEAR(TransferTime(cluster, {0, 1}, {8, 1}, {24e9}).value, 1.0, latency) << "one port";
  EXPECT_NEAR(TransferTime(cluster, {0, 8}, {8, 8}, {24e9}).value, 1.0 / 8, latency);
  EXPECT_NEAR(TransferTime(cluster, {0, 4}, {4, 4}, {235e9}).value, 1.0 / 4, latency);
  EXPECT_EQ(TransferTime(cluster, {0, 4}, {4, 4}, {0}).value, 0);
}

}  // namespace
}  // namespace automap
