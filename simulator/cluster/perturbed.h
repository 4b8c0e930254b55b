// A cluster that is not quite what its owner says.
#pragma once

#include "automap/v1/cluster.pb.h"

namespace automap {

// The same cluster with every link's bandwidth and every kernel's efficiency multiplied. What its
// presets fill in is written out. `cluster` must be valid.
v1::Cluster Perturbed(const v1::Cluster& cluster, double bandwidth, double efficiency);

}  // namespace automap
