// The second front door of the planner, built without the search: is this plan what it says it is?
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"

namespace automap {

// Re-derives everything from the module, the cluster and the plan's own decisions (mesh, shardings
// of variables and inputs, stages): every other sharding, the collectives, memory and time. OK when
// all of it agrees with the plan; FAILED_PRECONDITION with the first field that does not;
// INVALID_ARGUMENT when the module or cluster is broken.
absl::Status VerifyModulePlan(absl::string_view module, const v1::Cluster& cluster,
                              const v1::Plan& plan);

}  // namespace automap
