#include "simulator/cluster/presets.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace automap {
namespace {

constexpr int64_t kMaxDevices = 65536;
constexpr int64_t kMaxDevicesPerServer = 4096;

// Peaks as the vendors state them, dense; FP32 without TF32. Efficiencies of large kernels in
// training, `matmul` in 32 bits and in fewer; see compute/roofline.h for how they were fitted.
struct DeviceRow {
  absl::string_view name;
  double memory, memory_bandwidth, f32, f16, f64, s8, f8, launch_s, matmul_f32, matmul_f16;
  int multiprocessors;
};
constexpr double kGiB = 1 << 30;
constexpr DeviceRow kDevices[] = {
    {"v100", 32 * kGiB, 900e9, 15.7e12, 125e12, 7.8e12, 62.8e12, 125e12, 6e-6, 0.90, 0.78, 80},
    {"v100-16g", 16 * kGiB, 900e9, 15.7e12, 125e12, 7.8e12, 62.8e12, 125e12, 6e-6, 0.90, 0.78, 80},
    // DGX-2's: 1597 MHz instead of 1530, memory at 958 instead of 877.
    {"v100-sxm3", 32 * kGiB, 981e9, 16.35e12, 130.8e12, 8.2e12, 65.4e12, 130.8e12, 6e-6, 0.90, 0.78,
     80},
    {"a100", 80 * kGiB, 2000e9, 19.5e12, 312e12, 19.5e12, 624e12, 312e12, 4e-6, 0.75, 0.765, 108},
    {"a100-40g", 40 * kGiB, 1555e9, 19.5e12, 312e12, 19.5e12, 624e12, 312e12, 4e-6, 0.75, 0.765,
     108},
    {"h100", 80 * kGiB, 3350e9, 67e12, 989e12, 67e12, 1979e12, 1979e12, 3e-6, 0.70, 0.62, 132},
    {"h200", 141e9, 4800e9, 67e12, 989e12, 67e12, 1979e12, 1979e12, 3e-6, 0.70, 0.62, 132},
    {"b200", 180e9, 8000e9, 75e12, 2250e12, 37e12, 4500e12, 4500e12, 3e-6, 0.70, 0.62, 148},
};

// Bandwidth of one device (NVLink, PCIe) or one port (network), one direction; latency of one ring
// step; what large collectives reach of the wire. NVLink's and InfiniBand's latencies are NCCL's;
// EFA's is what the smallest all-reduces on 2 x 8 V100 leave for two crossings.
struct LinkRow {
  absl::string_view name;
  double bandwidth, latency_s, efficiency;
  double in_switch = 0;  // the same for what the switch adds up; 0: it does not
};
constexpr LinkRow kLinks[] = {
    {"nvlink2", 150e9, 3.4e-6, 130.0 / 150},
    {"nvlink3", 300e9, 3.4e-6, 235.0 / 300},
    {"nvlink4", 450e9, 3.4e-6, 362.0 / 450, 0.6},
    {"nvlink5", 900e9, 3.4e-6, 0.8, 0.6 * 0.74 / 0.85},
    {"pcie3", 15.75e9, 5.7e-6, 0.8},
    {"pcie4", 31e9, 5.7e-6, 0.8},
    {"pcie5", 63e9, 5.7e-6, 0.8},
    {"eth10", 1.25e9, 30e-6, 0.8},
    {"eth25", 3.125e9, 30e-6, 0.8},
    {"eth100", 12.5e9, 30e-6, 0.4},
    {"efa100", 12.5e9, 60e-6, 0.71},
    {"efa400", 50e9, 60e-6, 0.95},
    {"ib100", 12.5e9, 14e-6, 0.96},
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
    device.set_memory_bytes(static_cast<int64_t>(row.memory));
    device.set_memory_bandwidth_bytes_per_s(row.memory_bandwidth);
    device.set_launch_s(row.launch_s);
    device.set_multiprocessors(row.multiprocessors);
    auto& peak = *device.mutable_peak_flops_per_s();
    peak["f32"] = row.f32;
    // Volta has no bf16 units.
    peak["f16"] = row.f16;
    peak["bf16"] = absl::StartsWith(row.name, "v100") ? row.f32 : row.f16;
    peak["f64"] = row.f64;
    peak["s8"] = row.s8;
    peak["f8"] = row.f8;
    auto& efficiency = *device.mutable_efficiency();
    efficiency["matmul"] = row.matmul_f16;
    efficiency["matmul.f32"] = efficiency["matmul.f64"] = row.matmul_f32;
    efficiency["convolution"] = 0.6;
    // Winograd multiplies less than is counted.
    efficiency["convolution.f32"] = 3.45;
    efficiency["memory"] = 0.8;
  }
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
    if (row.in_switch <= 0) continue;
    link.set_reduces_in_switch(true);
    link.set_in_switch_efficiency(row.in_switch);
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

const std::vector<v1::Cluster::DeviceType>& KnownDeviceTypes() {
  static const auto& devices = *new std::vector<v1::Cluster::DeviceType>(MakeDevices());
  return devices;
}

const std::vector<v1::Cluster::Link>& KnownLinks() {
  static const auto& links = *new std::vector<v1::Cluster::Link>(MakeLinks());
  return links;
}

const v1::Cluster::DeviceType* KnownDeviceType(absl::string_view name) {
  return FindByName(KnownDeviceTypes(), name);
}

const v1::Cluster::Link* KnownLink(absl::string_view name) {
  return FindByName(KnownLinks(), name);
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
