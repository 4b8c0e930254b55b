#include "simulator/cluster/perturbed.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "simulator/cluster/device_type_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr double kMostEfficiency = 4;

template <typename Messages>
bool Declares(const Messages& messages, const std::string& name) {
  return std::any_of(messages.begin(), messages.end(),
                     [&](const auto& message) { return message.name() == name; });
}

void DeclareUsed(v1::Cluster& cluster) {
  const auto declare_link = [&](const std::string& name) {
    if (!name.empty() && !Declares(cluster.links(), name)) cluster.add_links()->set_name(name);
  };
  for (const auto& server : cluster.servers()) {
    if (!Declares(cluster.device_types(), server.device_type()))
      cluster.add_device_types()->set_name(server.device_type());
    declare_link(server.link());
    for (const auto& port : server.ports()) declare_link(port.link());
  }
}

}  // namespace

v1::Cluster Perturbed(const v1::Cluster& cluster, double bandwidth, double efficiency) {
  v1::Cluster perturbed = cluster;
  DeclareUsed(perturbed);
  for (v1::Cluster::Link& link : *perturbed.mutable_links()) {
    const auto value = LinkFromProto(link, "");
    if (value.ok()) link.set_bandwidth_bytes_per_s(value->bandwidth.value * bandwidth);
  }
  for (v1::Cluster::DeviceType& type : *perturbed.mutable_device_types()) {
    const auto value = DeviceTypeFromProto(type, "");
    if (!value.ok()) continue;
    for (int kind = 0; kind < kComputeKinds; ++kind) {
      for (int number = 0; number < kNumberTypes; ++number) {
        const std::string key =
            absl::StrCat(kComputeKindNames[kind], ".", kNumberTypeNames[number]);
        (*type.mutable_efficiency())[key] =
            std::min(kMostEfficiency, value->efficiency[kind][number] * efficiency);
      }
    }
  }
  return perturbed;
}

}  // namespace automap
