// Devices, links and whole clusters that have a name.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/cluster.pb.h"

namespace automap {

// DEVICExGxN-LINK: N servers of G devices. "v100x8x4-25gbps": V100-32G with NVLink inside and one
// 25 Gb/s port per server; "a100x8x2-200gbps", "h100x8x2-400gbps": one port of that rate per
// device. Any G in 1..4096, any N with at most 65 536 devices in all. INVALID_ARGUMENT that says
// what is expected.
absl::StatusOr<v1::Cluster> ClusterPreset(absl::string_view name);

// Device types and links that have a name of their own: v100, a100, h100, ...; nvlink2, eth25, ...
const std::vector<v1::Cluster::DeviceType>& KnownDeviceTypes();
const std::vector<v1::Cluster::Link>& KnownLinks();

// The one of that name, or null.
const v1::Cluster::DeviceType* KnownDeviceType(absl::string_view name);
const v1::Cluster::Link* KnownLink(absl::string_view name);

}  // namespace automap
