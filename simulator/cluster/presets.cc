#include "simulator/cluster/presets.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace automap {
namespace {

constexpr int64_t kMaxDevices = 65536;
constexpr int64_t kMaxDevicesPerServer = 4096;

// Peaks as the vendors state them, dense. FP32 of A100 and H100 without TF32.
struct DeviceRow {
  absl::string_view name;
  int64_t memory_gib;
  double memory_bandwidth, f32, f16, f64, s8, f8, launch_s;
};
constexpr DeviceRow kDevices[] = {
    {"v100", 32, 900e9, 15.7e12, 125e12, 7.8e12, 62.8e12, 125e12, 6e-6},
    {"a100", 80, 2000e9, 19.5e12, 312e12, 19.5e12, 624e12, 312e12, 4e-6},
    {"h100", 80, 3350e9, 67e12, 989e12, 67e12, 1979e12, 1979e12, 3e-6},
};

// Bandwidth of one device (NVLink) or one port (network), one direction; latency of one ring step.
struct LinkRow {
  absl::string_view name;
  double bandwidth, latency_s, efficiency;
};
constexpr LinkRow kLinks[] = {
    {"nvlink2", 150e9, 3.4e-6, 130.0 / 150},
    {"nvlink3", 300e9, 3.4e-6, 230.0 / 300},
    {"nvlink4", 450e9, 3.4e-6, 362.0 / 450},
    {"eth25", 3.125e9, 30e-6, 0.8},
    {"ib200", 25e9, 14e-6, 0.96},
    {"ib400", 50e9, 14e-6, 0.95},
};

struct PresetRow {
  absl::string_view device, network, inside, port;
  bool port_per_device;
};
constexpr PresetRow kPresets[] = {
    {"v100", "25gbps", "nvlink2", "eth25", false},
    {"a100", "200gbps", "nvlink3", "ib200", true},
    {"h100", "400gbps", "nvlink4", "ib400", true},
};

std::vector<v1::Cluster::DeviceType> MakeDevices() {
  std::vector<v1::Cluster::DeviceType> devices;
  for (const DeviceRow& row : kDevices) {
    v1::Cluster::DeviceType& device = devices.emplace_back();
    device.set_name(std::string(row.name));
    device.set_memory_bytes(row.memory_gib << 30);
    device.set_memory_bandwidth_bytes_per_s(row.memory_bandwidth);
    device.set_launch_s(row.launch_s);
    auto& peak = *device.mutable_peak_flops_per_s();
    peak["f32"] = row.f32;
    peak["f16"] = peak["bf16"] = row.f16;
    peak["f64"] = row.f64;
    peak["s8"] = row.s8;
    peak["f8"] = row.f8;
  }
  // V100 has no bf16 units.
  (*devices[0].mutable_peak_flops_per_s())["bf16"] = kDevices[0].f32;
  return devices;
}

std::vector<v1::Cluster::Link> MakeLinks() {
  std::vector<v1::Cluster::Link> links;
  for (const LinkRow& row : kLinks) {
    v1::Cluster::Link& link = links.emplace_back();
    link.set_name(std::string(row.name));
    link.set_bandwidth_bytes_per_s(row.bandwidth);
    link.set_latency_s(row.latency_s);
    link.set_efficiency(row.efficiency);
  }
  return links;
}

template <typename Message>
const Message* FindByName(const std::vector<Message>& all, absl::string_view name) {
  for (const Message& message : all) {
    if (message.name() == name) return &message;
  }
  return nullptr;
}

v1::Cluster MakeCluster(absl::string_view name, const PresetRow& preset, int64_t devices,
                        int64_t servers) {
  v1::Cluster cluster;
  cluster.set_name(std::string(name));
  *cluster.add_device_types() = *KnownDeviceType(preset.device);
  *cluster.add_links() = *KnownLink(preset.inside);
  *cluster.add_links() = *KnownLink(preset.port);
  for (int64_t s = 0; s < servers; ++s) {
    v1::Cluster::Server& server = *cluster.add_servers();
    server.set_device_type(std::string(preset.device));
    server.set_devices(devices);
    server.set_link(std::string(preset.inside));
    for (int64_t p = 0; p < (preset.port_per_device ? devices : 1); ++p) {
      server.add_ports()->set_link(std::string(preset.port));
    }
  }
  return cluster;
}

}  // namespace

const v1::Cluster::DeviceType* KnownDeviceType(absl::string_view name) {
  static const auto& devices = *new std::vector<v1::Cluster::DeviceType>(MakeDevices());
  return FindByName(devices, name);
}

const v1::Cluster::Link* KnownLink(absl::string_view name) {
  static const auto& links = *new std::vector<v1::Cluster::Link>(MakeLinks());
  return FindByName(links, name);
}

absl::StatusOr<v1::Cluster> ClusterPreset(absl::string_view name) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("cluster: \"", name, "\" ", why,
                     "; expected DEVICExGxN-LINK, e.g. v100x8x4-25gbps, a100x8x2-200gbps, "
                     "h100x8x2-400gbps, or a JSON file"));
  };
  const std::vector<std::string> halves = absl::StrSplit(name, '-');
  if (halves.size() != 2) return refuse("is not a preset");
  const std::vector<std::string> parts = absl::StrSplit(halves[0], 'x');
  int64_t devices = 0, servers = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &devices) ||
      !absl::SimpleAtoi(parts[2], &servers)) {
    return refuse("is not a preset");
  }
  if (devices < 1 || devices > kMaxDevicesPerServer || servers < 1 ||
      servers > kMaxDevices / devices) {
    return refuse("must have 1..4096 devices a server and at most 65536 in all");
  }
  for (const PresetRow& preset : kPresets) {
    if (preset.device == parts[0] && preset.network == halves[1])
      return MakeCluster(name, preset, devices, servers);
  }
  return refuse("has no such device and link");
}

}  // namespace automap
