// Where a mesh axis lies on the cluster: which links its groups share.
#pragma once

#include <vector>

#include "simulator/cluster/cluster.h"
#include "simulator/collective/collective_model.h"

namespace automap {

// For each axis of the mesh the path of its worst group. All groups of an axis communicate at once:
// those that leave a server share its ports, those that leave a switch its uplink. The mesh must
// fit on the cluster. O(axes x devices x depth of switches).
std::vector<GroupPath> PathsOf(const Cluster& cluster, const Mesh& mesh);

// Consecutive devices.
struct DeviceRange {
  int32_t first = 0, count = 1;
  bool operator==(const DeviceRange&) const = default;
};

// Seconds to move `bytes`, spread evenly over the devices of `from`, evenly to those of `to`, all
// of them at once: the slowest of what each device, each server's ports and each switch's uplink
// has to pass. 0 for no bytes. O(devices).
Seconds TransferTime(const Cluster& cluster, DeviceRange from, DeviceRange to, Bytes bytes);

}  // namespace automap
