#include "simulator/cluster/cluster_proto.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr int kMaxDevices = 65536;
constexpr int kMaxDevicesPerServer = 4096;
constexpr absl::string_view kTypeNames[kNumberTypes] = {"f32", "f16", "bf16", "f64", "s8", "f8"};

absl::Status Refuse(absl::string_view path, absl::string_view value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("cluster.", path, ": ", value, ", must be ", expected));
}

absl::Status CheckPositive(absl::string_view path, double value) {
  if (std::isfinite(value) && value > 0) return absl::OkStatus();
  return Refuse(path, absl::StrCat(value), "> 0");
}

// Edits that turn one word into the other.
int Distance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

template <typename Messages>
std::string Hint(absl::string_view name, const Messages& declared) {
  for (const auto& message : declared) {
    if (name.size() <= 64 && message.name().size() <= 64 && Distance(name, message.name()) <= 2) {
      return absl::StrCat("; did you mean \"", message.name(), "\"?");
    }
  }
  return "";
}

// Fields that were left out come from the preset of the same name.
absl::StatusOr<DeviceType> MakeDeviceType(const v1::Cluster::DeviceType& given,
                                          const std::string& path) {
  v1::Cluster::DeviceType merged;
  if (const auto* known = KnownDeviceType(given.name())) merged = *known;
  if (!given.peak_flops_per_s().empty()) merged.clear_peak_flops_per_s();
  merged.MergeFrom(given);
  RETURN_IF_ERROR(CheckPositive(path + ".memory_bytes", merged.memory_bytes()));
  RETURN_IF_ERROR(
      CheckPositive(path + ".memory_bandwidth_bytes_per_s", merged.memory_bandwidth_bytes_per_s()));
  if (!std::isfinite(merged.launch_s()) || merged.launch_s() < 0) {
    return Refuse(path + ".launch_s", absl::StrCat(merged.launch_s()), ">= 0");
  }
  const auto& peaks = merged.peak_flops_per_s();
  const auto f32 = peaks.find("f32");
  if (f32 == peaks.end())
    return Refuse(path + ".peak_flops_per_s", "no entry \"f32\"", "given at least for f32");
  DeviceType type = {merged.name(),
                     Bytes{static_cast<double>(merged.memory_bytes())},
                     BytesPerSecond{merged.memory_bandwidth_bytes_per_s()},
                     {},
                     Seconds{merged.launch_s()}};
  for (const auto& [name, peak] : peaks) {
    RETURN_IF_ERROR(CheckPositive(absl::StrCat(path, ".peak_flops_per_s[\"", name, "\"]"), peak));
  }
  for (int i = 0; i < kNumberTypes; ++i) {
    const auto own = peaks.find(std::string(kTypeNames[i]));
    type.peak[i] = {own != peaks.end() ? own->second : f32->second};
  }
  return type;
}

absl::StatusOr<Link> MakeLink(const v1::Cluster::Link& given, const std::string& path) {
  v1::Cluster::Link merged;
  if (const auto* known = KnownLink(given.name())) merged = *known;
  merged.MergeFrom(given);
  RETURN_IF_ERROR(CheckPositive(path + ".bandwidth_bytes_per_s", merged.bandwidth_bytes_per_s()));
  if (!std::isfinite(merged.latency_s()) || merged.latency_s() < 0) {
    return Refuse(path + ".latency_s", absl::StrCat(merged.latency_s()), ">= 0");
  }
  const double efficiency = merged.has_efficiency() ? merged.efficiency() : 0.8;
  if (!(efficiency > 0 && efficiency <= 1))
    return Refuse(path + ".efficiency", absl::StrCat(efficiency), "in (0, 1]");
  return Link{{merged.bandwidth_bytes_per_s()}, {merged.latency_s()}, efficiency};
}

class ClusterReader {
 public:
  explicit ClusterReader(const v1::Cluster& proto) : proto_(proto) {}

  absl::StatusOr<Cluster> Read() {
    cluster_.name = proto_.name();
    RETURN_IF_ERROR(CheckNames(proto_.device_types(), "device_types"));
    RETURN_IF_ERROR(CheckNames(proto_.links(), "links"));
    for (int i = 0; i < proto_.device_types_size(); ++i) {
      ASSIGN_OR_RETURN(DeviceType type, MakeDeviceType(proto_.device_types(i),
                                                       absl::StrCat("device_types[", i, "]")));
      cluster_.types.push_back(std::move(type));
    }
    if (proto_.servers().empty()) return Refuse("servers", "none", "at least one");
    int64_t total = 0;
    for (int i = 0; i < proto_.servers_size(); ++i) {
      RETURN_IF_ERROR(AddServer(proto_.servers(i), absl::StrCat("servers[", i, "]")));
      total += proto_.servers(i).devices();
      if (total > kMaxDevices)
        return Refuse("servers", absl::StrCat(total, " devices"),
                      absl::StrCat("at most ", kMaxDevices));
    }
    if (cluster_.server_of.empty()) return Refuse("servers", "no usable device", "at least one");
    RETURN_IF_ERROR(ReadSwitches());
    return std::move(cluster_);
  }

 private:
  template <typename Messages>
  absl::Status CheckNames(const Messages& messages, absl::string_view field) {
    std::set<std::string> seen;
    for (int i = 0; i < messages.size(); ++i) {
      const std::string path = absl::StrCat(field, "[", i, "].name");
      if (messages[i].name().empty()) return Refuse(path, "\"\"", "not empty");
      if (!seen.insert(messages[i].name()).second)
        return Refuse(path, absl::StrCat("\"", messages[i].name(), "\""), "unique");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int32_t> TypeIndex(const std::string& name, const std::string& path) {
    for (size_t i = 0; i < cluster_.types.size(); ++i) {
      if (cluster_.types[i].name == name) return i;
    }
    const auto* known = KnownDeviceType(name);
    if (known == nullptr) {
      return Refuse(path, absl::StrCat("\"", name, "\""),
                    absl::StrCat("the name of a device type", Hint(name, proto_.device_types())));
    }
    ASSIGN_OR_RETURN(DeviceType type, MakeDeviceType(*known, path));
    cluster_.types.push_back(std::move(type));
    return static_cast<int32_t>(cluster_.types.size() - 1);
  }

  absl::StatusOr<Link> FindLink(const std::string& name, const std::string& path) {
    for (int i = 0; i < proto_.links_size(); ++i) {
      if (proto_.links(i).name() == name)
        return MakeLink(proto_.links(i), absl::StrCat("links[", i, "]"));
    }
    if (const auto* known = KnownLink(name)) return MakeLink(*known, path);
    return Refuse(path, absl::StrCat("\"", name, "\""),
                  absl::StrCat("the name of a link", Hint(name, proto_.links())));
  }

  absl::Status AddServer(const v1::Cluster::Server& server, const std::string& path) {
    if (server.devices() < 1 || server.devices() > kMaxDevicesPerServer) {
      return Refuse(path + ".devices", absl::StrCat(server.devices()), "1..4096");
    }
    Server value;
    ASSIGN_OR_RETURN(value.type, TypeIndex(server.device_type(), path + ".device_type"));
    std::set<int32_t> unavailable;
    for (int i = 0; i < server.unavailable_devices_size(); ++i) {
      const int32_t device = server.unavailable_devices(i);
      const std::string field = absl::StrCat(path, ".unavailable_devices[", i, "]");
      if (device < 0 || device >= server.devices())
        return Refuse(field, absl::StrCat(device), "a device of the server");
      if (!unavailable.insert(device).second)
        return Refuse(field, absl::StrCat(device), "named once");
    }
    value.first_device = cluster_.device_count();
    value.device_count = server.devices() - static_cast<int32_t>(unavailable.size());
    if (server.devices() > 1 || !server.link().empty()) {
      ASSIGN_OR_RETURN(value.inside, FindLink(server.link(), path + ".link"));
    }
    RETURN_IF_ERROR(AddPorts(server, path, value));
    cluster_.server_of.insert(cluster_.server_of.end(), value.device_count,
                              static_cast<int32_t>(cluster_.servers.size()));
    cluster_.servers.push_back(value);
    return absl::OkStatus();
  }

  // Ports add up; the slowest latency and the mean efficiency, weighted by bandwidth, hold for all
  // of them.
  absl::Status AddPorts(const v1::Cluster::Server& server, const std::string& path, Server& value) {
    if (server.ports().empty() && proto_.servers_size() > 1) {
      return Refuse(path + ".ports", "none", "at least one where there are several servers");
    }
    value.outside = {{0}, {0}, 0};
    for (int i = 0; i < server.ports_size(); ++i) {
      ASSIGN_OR_RETURN(const Link port, FindLink(server.ports(i).link(),
                                                 absl::StrCat(path, ".ports[", i, "].link")));
      value.outside.bandwidth += port.bandwidth;
      value.outside.efficiency += port.efficiency * port.bandwidth.value;
      value.outside.latency = std::max(value.outside.latency, port.latency);
    }
    if (server.ports_size() > 0) value.outside.efficiency /= value.outside.bandwidth.value;
    return absl::OkStatus();
  }

  absl::Status ReadSwitches() {
    for (int i = 0; i < proto_.switches_size(); ++i) {
      const auto& item = proto_.switches(i);
      const std::string path = absl::StrCat("switches[", i, "]");
      for (int j = 0; j < item.servers_size(); ++j) {
        if (item.servers(j) < 0 || item.servers(j) >= proto_.servers_size()) {
          return Refuse(absl::StrCat(path, ".servers[", j, "]"), absl::StrCat(item.servers(j)),
                        "the index of a server");
        }
      }
      const double ratio = item.has_oversubscription() ? item.oversubscription() : 1;
      if (!std::isfinite(ratio) || ratio < 1)
        return Refuse(path + ".oversubscription", absl::StrCat(ratio), ">= 1");
      cluster_.oversubscription = std::max(cluster_.oversubscription, ratio);
    }
    return absl::OkStatus();
  }

  const v1::Cluster& proto_;
  Cluster cluster_;
};

}  // namespace

absl::StatusOr<Cluster> ClusterFromProto(const v1::Cluster& proto) {
  return ClusterReader(proto).Read();
}

absl::StatusOr<v1::Cluster> ClusterFromJson(absl::string_view json) {
  v1::Cluster cluster;
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &cluster);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("cluster: ", std::string(status.message())));
  }
  return cluster;
}

}  // namespace automap
