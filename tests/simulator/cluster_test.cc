#include <cmath>
#include <functional>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr char kTwoServers[] = R"({
  "name": "two servers, one of them half as large",
  "deviceTypes": [{"name": "v100", "memoryBytes": "34359738368", "memoryBandwidthBytesPerS": 9e11,
                   "peakFlopsPerS": {"f32": 1.57e13, "f16": 1.25e14}, "launchS": 6e-6}],
  "servers": [{"deviceType": "v100", "devices": 8, "link": "nvlink2", "ports": [{"link": "eth25"}]},
              {"deviceType": "v100", "devices": 4, "link": "nvlink2", "ports": [{"link": "eth25"}], "unavailableDevices": [3]}],
  "links": [{"name": "nvlink2", "bandwidthBytesPerS": 1.5e11, "latencyS": 3.4e-6},
            {"name": "eth25", "bandwidthBytesPerS": 3.125e9, "latencyS": 3e-5, "efficiency": 0.8}],
  "switches": [{"name": "rack 1", "servers": [0, 1], "oversubscription": 1.0}]})";

TEST(ClusterFromJson, ReadsTheInterfacesExample) {
  const auto cluster = ClusterFromProto(*ClusterFromJson(kTwoServers));
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->device_count(), 11);
  EXPECT_EQ(cluster->servers[1].first_device, 8);
  EXPECT_EQ(cluster->servers[1].device_count, 3);
  EXPECT_DOUBLE_EQ(cluster->types[0].peak[static_cast<int>(NumberType::kBF16)].value, 1.57e13)
      << "no entry: the rate of f32";
}

TEST(ClusterFromJson, BrokenJsonIsRefused) {
  EXPECT_EQ(ClusterFromJson("{\"servers\": [").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ClusterFromProto, KnownNamesFillWhatIsLeftOut) {
  const auto cluster = ClusterFromProto(*ClusterFromJson(
      R"({"servers": [{"deviceType": "a100", "devices": 4, "link": "nvlink3"}]})"));
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_DOUBLE_EQ(cluster->types[0].memory.value, 80.0 * (1 << 30));
  EXPECT_DOUBLE_EQ(cluster->servers[0].inside.bandwidth.value, 300e9);
}

struct Breakage {
  const char* path;
  std::function<void(v1::Cluster&)> spoil;
};

const Breakage kBreakages[] = {
    {"cluster.servers: none", [](auto& c) { c.clear_servers(); }},
    {"cluster.servers[0].devices: 0", [](auto& c) { c.mutable_servers(0)->set_devices(0); }},
    {"cluster.servers[0].devices: 5000", [](auto& c) { c.mutable_servers(0)->set_devices(5000); }},
    {"cluster.servers[0].device_type: \"v101\"",
     [](auto& c) { c.mutable_servers(0)->set_device_type("v101"); }},
    {"did you mean \"nvlink2\"?", [](auto& c) { c.mutable_servers(0)->set_link("nvlnk2"); }},
    {"cluster.servers[1].ports: none", [](auto& c) { c.mutable_servers(1)->clear_ports(); }},
    {"cluster.servers[0].ports[0].link: \"wire\"",
     [](auto& c) { c.mutable_servers(0)->mutable_ports(0)->set_link("wire"); }},
    {"cluster.servers[1].unavailable_devices[0]: 9",
     [](auto& c) { c.mutable_servers(1)->set_unavailable_devices(0, 9); }},
    {"cluster.device_types[0].memory_bytes: -1",
     [](auto& c) { c.mutable_device_types(0)->set_memory_bytes(-1); }},
    {"cluster.device_types[0].memory_bandwidth_bytes_per_s: nan",
     [](auto& c) { c.mutable_device_types(0)->set_memory_bandwidth_bytes_per_s(std::nan("")); }},
    {"cluster.device_types[0].peak_flops_per_s[\"f16\"]: -1",
     [](auto& c) { (*c.mutable_device_types(0)->mutable_peak_flops_per_s())["f16"] = -1; }},
    {"cluster.device_types[0].peak_flops_per_s: no entry",
     [](auto& c) { c.mutable_device_types(0)->mutable_peak_flops_per_s()->erase("f32"); }},
    {"cluster.device_types[0].launch_s: -1",
     [](auto& c) { c.mutable_device_types(0)->set_launch_s(-1); }},
    {"cluster.device_types[1].name: \"v100\"",
     [](auto& c) { *c.add_device_types() = c.device_types(0); }},
    {"cluster.links[0].name: \"\"", [](auto& c) { c.mutable_links(0)->clear_name(); }},
    {"cluster.links[0].bandwidth_bytes_per_s: -3",
     [](auto& c) { c.mutable_links(0)->set_bandwidth_bytes_per_s(-3); }},
    {"cluster.links[1].latency_s: inf",
     [](auto& c) { c.mutable_links(1)->set_latency_s(INFINITY); }},
    {"cluster.links[1].efficiency: 1.5", [](auto& c) { c.mutable_links(1)->set_efficiency(1.5); }},
    {"cluster.links[2].name: \"spare\", must be named by",
     [](auto& c) { *c.add_links() = c.links(0), c.mutable_links(2)->set_name("spare"); }},
    {"did you mean \"ib200\"?",
     [](auto& c) { c.mutable_servers(0)->mutable_ports(0)->set_link("ib20"); }},
    {"cluster.device_types[0].efficiency[\"matmull\"]",
     [](auto& c) { (*c.mutable_device_types(0)->mutable_efficiency())["matmull"] = 0.5; }},
    {"cluster.device_types[0].efficiency[\"memory\"]: 0",
     [](auto& c) { (*c.mutable_device_types(0)->mutable_efficiency())["memory"] = 0; }},
    {"cluster.switches[1].servers[0]: 1, must be below one switch; switches[0]",
     [](auto& c) { c.add_switches()->add_servers(1); }},
    {"cluster.switches[0].switches[0]: \"rack 2\", must be the name of a switch; did you mean "
     "\"rack 1\"?",
     [](auto& c) { c.mutable_switches(0)->add_switches("rack 2"); }},
    {"cluster.switches[0].switches: a cycle",
     [](auto& c) { c.mutable_switches(0)->add_switches("rack 1"); }},
    {"cluster.switches[1].name: \"rack 1\", must be unique",
     [](auto& c) { c.add_switches()->set_name("rack 1"); }},
    {"cluster.switches[0].servers[1]: 7",
     [](auto& c) { c.mutable_switches(0)->set_servers(1, 7); }},
    {"cluster.switches[0].oversubscription: 0.5",
     [](auto& c) { c.mutable_switches(0)->set_oversubscription(0.5); }},
};

TEST(ClusterFromProto, RefusesAMillionServersWithoutMakingThem) {
  v1::Cluster huge = *ClusterFromJson(kTwoServers);
  for (int i = 0; i < 1000; ++i) *huge.add_servers() = huge.servers(0);
  for (auto& server : *huge.mutable_servers()) server.set_devices(4096);
  EXPECT_TRUE(absl::StrContains(ClusterFromProto(huge).status().message(),
                                "cluster.servers: 4104192 devices, must be at most 65536"));
}

TEST(ClusterFromProto, EfficienciesOverlayThePreset) {
  const auto cluster = ClusterFromProto(*ClusterFromJson(
      R"({"deviceTypes": [{"name": "a100", "efficiency": {"matmul": 0.5, "memory.f16": 0.6}}],
          "servers": [{"deviceType": "a100", "devices": 1}]})"));
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const EfficiencyTable& table = cluster->types[0].efficiency;
  EXPECT_EQ(table[0][static_cast<int>(NumberType::kF32)], 0.5) << "replaces the preset's f32";
  EXPECT_EQ(table[2][static_cast<int>(NumberType::kF16)], 0.6);
  EXPECT_EQ(table[2][static_cast<int>(NumberType::kF32)], 0.8);
}

TEST(ClusterFromProto, NamesThePathOfEveryMistake) {
  for (const Breakage& breakage : kBreakages) {
    v1::Cluster broken = *ClusterFromJson(kTwoServers);
    breakage.spoil(broken);
    const auto cluster = ClusterFromProto(broken);
    EXPECT_EQ(cluster.status().code(), absl::StatusCode::kInvalidArgument) << breakage.path;
    EXPECT_TRUE(absl::StrContains(cluster.status().message(), breakage.path)) << cluster.status();
  }
}

TEST(ClusterPreset, MakesTheClustersOfThePaper) {
  for (const auto& [name, devices] : {std::pair<const char*, int>{"v100x8x2-25gbps", 16},
                                      {"v100x8x3-25gbps", 24},
                                      {"v100x8x4-25gbps", 32},
                                      {"v100x4x1-25gbps", 4},
                                      {"a100x8x2-200gbps", 16},
                                      {"h100x8x4-400gbps", 32}}) {
    const auto preset = ClusterPreset(name);
    ASSERT_TRUE(preset.ok()) << preset.status();
    EXPECT_EQ(ClusterFromProto(*preset)->device_count(), devices);
  }
}

TEST(ClusterPreset, RefusesWhatItDoesNotKnow) {
  for (const char* name : {"", "v100", "v100x8", "v100x8x4", "v100x8x4-100gbps", "v100x0x4-25gbps",
                           "v100x8x99999-25gbps", "tpux8x4-25gbps", "v100xax4-25gbps"}) {
    EXPECT_EQ(ClusterPreset(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace automap
