// The gRPC services, as thin callback handlers over JobService.
#pragma once

#include <memory>

#include "automap/v1/modules.grpc.pb.h"
#include "automap/v1/planner.grpc.pb.h"
#include "server/api/executor.h"
#include "server/api/job_service.h"

namespace automap {

// Both services must outlive the server that they are registered with, and `service` and `executor`
// both of them.
std::unique_ptr<v1::Planner::CallbackService> MakePlannerService(JobService& service,
                                                                 Executor& executor);
std::unique_ptr<v1::Modules::CallbackService> MakeModulesService(JobService& service,
                                                                 Executor& executor);

}  // namespace automap
