// From the public message to the simulator's value, with every mistake named.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/cluster.pb.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// INVALID_ARGUMENT with the field's path, its value and what is expected, e.g.
// `cluster.servers[0].link: "nvlnk2", must be the name of a link; did you mean "nvlink2"?`.
absl::StatusOr<Cluster> ClusterFromProto(const v1::Cluster& proto);

// The message as proto3 JSON. INVALID_ARGUMENT with the parser's own position.
absl::StatusOr<v1::Cluster> ClusterFromJson(absl::string_view json);

}  // namespace automap
