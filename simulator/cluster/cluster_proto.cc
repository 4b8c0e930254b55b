#include "simulator/cluster/cluster_proto.h"

#include <algorithm>
#include <set>

#include "base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "simulator/cluster/device_type_proto.h"
#include "simulator/cluster/fields.h"
#include "simulator/cluster/presets.h"
#include "simulator/cluster/switch_tree.h"

namespace automap {
namespace {

constexpr int kMaxDevices = 65536;
constexpr int kMaxDevicesPerServer = 4096;
constexpr int kMaxPorts = 4096;
constexpr int kCubeMeshDevices = 8;

class ClusterReader {
 public:
  explicit ClusterReader(const v1::Cluster& proto) : proto_(proto) {}

  absl::StatusOr<Cluster> Read() {
    cluster_.name = proto_.name();
    RETURN_IF_ERROR(CheckNames(proto_.device_types(), "device_types"));
    RETURN_IF_ERROR(CheckNames(proto_.links(), "links"));
    RETURN_IF_ERROR(ReadTypesAndLinks());
    if (proto_.servers().empty()) return RefuseField("servers", "none", "at least one");
    RETURN_IF_ERROR(CheckDeviceCounts());
    for (int i = 0; i < proto_.servers_size(); ++i)
      RETURN_IF_ERROR(AddServer(proto_.servers(i), absl::StrCat("servers[", i, "]")));
    if (cluster_.server_of.empty())
      return RefuseField("servers", "no usable device", "at least one");
    RETURN_IF_ERROR(CheckLinksAreUsed());
    RETURN_IF_ERROR(ReadSwitches(proto_, cluster_));
    return std::move(cluster_);
  }

 private:
  template <typename Messages>
  absl::Status CheckNames(const Messages& messages, absl::string_view field) {
    std::set<std::string> seen;
    for (int i = 0; i < messages.size(); ++i) {
      const std::string path = absl::StrCat(field, "[", i, "].name");
      if (messages[i].name().empty()) return RefuseField(path, "\"\"", "not empty");
      if (!seen.insert(messages[i].name()).second)
        return RefuseField(path, Quoted(messages[i].name()), "unique");
    }
    return absl::OkStatus();
  }

  absl::Status ReadTypesAndLinks() {
    for (int i = 0; i < proto_.device_types_size(); ++i) {
      ASSIGN_OR_RETURN(DeviceType type, DeviceTypeFromProto(proto_.device_types(i),
                                                            absl::StrCat("device_types[", i, "]")));
      cluster_.types.push_back(std::move(type));
    }
    for (int i = 0; i < proto_.links_size(); ++i) {
      ASSIGN_OR_RETURN(const Link link,
                       LinkFromProto(proto_.links(i), absl::StrCat("links[", i, "]")));
      links_.push_back(link);
    }
    is_link_used_.assign(links_.size(), false);
    return absl::OkStatus();
  }

  // Before anything is made for each device.
  absl::Status CheckDeviceCounts() const {
    int64_t total = 0;
    for (int i = 0; i < proto_.servers_size(); ++i) {
      const int64_t devices = proto_.servers(i).devices();
      if (devices < 1 || devices > kMaxDevicesPerServer) {
        return RefuseField(absl::StrCat("servers[", i, "].devices"), absl::StrCat(devices),
                           absl::StrCat("1..", kMaxDevicesPerServer));
      }
      total += devices;
    }
    if (total <= kMaxDevices) return absl::OkStatus();
    return RefuseField("servers", absl::StrCat(total, " devices"),
                       absl::StrCat("at most ", kMaxDevices));
  }

  absl::StatusOr<int32_t> TypeIndex(const std::string& name, const std::string& path) {
    for (size_t i = 0; i < cluster_.types.size(); ++i) {
      if (cluster_.types[i].name == name) return i;
    }
    const auto* known = KnownDeviceType(name);
    if (known == nullptr) {
      return RefuseField(path, Quoted(name),
                         absl::StrCat("the name of a device type",
                                      HintFor(name, proto_.device_types(), KnownDeviceTypes())));
    }
    ASSIGN_OR_RETURN(DeviceType type, DeviceTypeFromProto(*known, path));
    cluster_.types.push_back(std::move(type));
    return static_cast<int32_t>(cluster_.types.size() - 1);
  }

  absl::StatusOr<Link> FindLink(const std::string& name, const std::string& path) {
    for (int i = 0; i < proto_.links_size(); ++i) {
      if (proto_.links(i).name() != name) continue;
      is_link_used_[i] = true;
      return links_[i];
    }
    if (const auto* known = KnownLink(name)) return LinkFromProto(*known, path);
    return RefuseField(
        path, Quoted(name),
        absl::StrCat("the name of a link", HintFor(name, proto_.links(), KnownLinks())));
  }

  absl::Status AddServer(const v1::Cluster::Server& server, const std::string& path) {
    Server value;
    ASSIGN_OR_RETURN(value.type, TypeIndex(server.device_type(), path + ".device_type"));
    std::set<int32_t> unavailable;
    for (int i = 0; i < server.unavailable_devices_size(); ++i) {
      const int32_t device = server.unavailable_devices(i);
      const std::string field = absl::StrCat(path, ".unavailable_devices[", i, "]");
      if (device < 0 || device >= server.devices())
        return RefuseField(field, absl::StrCat(device), "a device of the server");
      if (!unavailable.insert(device).second)
        return RefuseField(field, absl::StrCat(device), "named once");
    }
    value.first_device = cluster_.device_count();
    value.device_count = server.devices() - static_cast<int32_t>(unavailable.size());
    if (server.devices() > 1 || !server.link().empty()) {
      ASSIGN_OR_RETURN(value.inside, FindLink(server.link(), path + ".link"));
      if (value.inside.cube_mesh && server.devices() > kCubeMeshDevices) {
        return RefuseField(path + ".devices", absl::StrCat(server.devices()),
                           absl::StrCat("at most ", kCubeMeshDevices, " with a cube mesh"));
      }
    }
    RETURN_IF_ERROR(AddPorts(server, path, value));
    cluster_.server_of.insert(cluster_.server_of.end(), value.device_count,
                              static_cast<int32_t>(cluster_.servers.size()));
    cluster_.servers.push_back(value);
    return absl::OkStatus();
  }

  // Ports add up; the slowest latency holds for all of them, the efficiency is what they reach
  // together over their wires.
  absl::Status AddPorts(const v1::Cluster::Server& server, const std::string& path, Server& value) {
    if (server.ports().empty() && proto_.servers_size() > 1) {
      return RefuseField(path + ".ports", "none", "at least one where there are several servers");
    }
    if (server.ports_size() > kMaxPorts) {
      return RefuseField(path + ".ports", absl::StrCat(server.ports_size(), " ports"),
                         absl::StrCat("at most ", kMaxPorts));
    }
    value.outside = {{0}, {0}, 0, false, false, false};
    BytesPerSecond reached;
    for (int i = 0; i < server.ports_size(); ++i) {
      ASSIGN_OR_RETURN(const Link port, FindLink(server.ports(i).link(),
                                                 absl::StrCat(path, ".ports[", i, "].link")));
      value.outside.bandwidth += port.bandwidth;
      value.outside.latency = std::max(value.outside.latency, port.latency);
      reached += port.Reached();
      value.port = std::max(value.port, port.bandwidth * port.efficiency);
    }
    if (server.ports_size() > 0) value.outside.efficiency = reached / value.outside.bandwidth;
    return absl::OkStatus();
  }

  absl::Status CheckLinksAreUsed() const {
    for (int i = 0; i < proto_.links_size(); ++i) {
      if (is_link_used_[i]) continue;
      return RefuseField(absl::StrCat("links[", i, "].name"), Quoted(proto_.links(i).name()),
                         "named by a server's link or by a port; remove it, or name it there");
    }
    return absl::OkStatus();
  }

  const v1::Cluster& proto_;
  Cluster cluster_;
  std::vector<Link> links_;  // as declared
  std::vector<bool> is_link_used_;
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
