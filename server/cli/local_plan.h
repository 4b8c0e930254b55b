// Planning without a server: a worker of our own, and another one that verifies.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"

namespace automap {

struct LocalPlanRequest {
  std::string module;  // bytes
  v1::Cluster cluster;
  v1::PlanOptions options;
  double time_limit_s = 0;  // 0: none
};

// The plan, found in one worker process and verified in a second. Errors as the worker's;
// UNAVAILABLE when a worker cannot be started or dies.
absl::StatusOr<v1::Plan> PlanLocally(const LocalPlanRequest& request,
                                     const std::function<void(const v1::Progress&)>& progress);

// The worker program: beside this program's own file.
std::string WorkerProgram();

}  // namespace automap
