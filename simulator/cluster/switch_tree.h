// The switches of the public message as a tree over the servers.
#pragma once

#include "absl/status/status.h"
#include "automap/v1/cluster.pb.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// Fills `cluster.switches` and each server's switch; the servers must be there. INVALID_ARGUMENT
// with the field's path when a switch names what is not there, when a server or a switch hangs
// below two switches, when switches form a cycle, or when an oversubscription is not >= 1.
// O(switches + servers).
absl::Status ReadSwitches(const v1::Cluster& proto, Cluster& cluster);

}  // namespace automap
