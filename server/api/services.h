// The gRPC services, as thin callback handlers over JobService and ModuleService.
#pragma once

#include <memory>

#include "automap/v1/modules.grpc.pb.h"
#include "automap/v1/planner.grpc.pb.h"
#include "server/api/api.h"

namespace automap {

// Both services must outlive the server that they are registered with, and `api` both of them.
std::unique_ptr<v1::Planner::CallbackService> MakePlannerService(const Api& api);
std::unique_ptr<v1::Modules::CallbackService> MakeModulesService(const Api& api);

}  // namespace automap
