// The command line's side of the API.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/modules.grpc.pb.h"
#include "automap/v1/planner.grpc.pb.h"
#include "server/cli/server_address.h"

namespace automap {

// A connection to automapd. INVALID_ARGUMENT when a file of the address cannot be read, UNAVAILABLE
// when nobody answers within five seconds; other errors as the server's.
class Remote {
 public:
  explicit Remote(const ServerAddress& address);

  // Uploads the module where it is too large to go inside the request, creates the job and follows
  // it to its plan.
  absl::StatusOr<v1::Plan> Plan(std::string module, const v1::Cluster& cluster,
                                const v1::PlanOptions& options, double time_limit_s,
                                const std::function<void(const v1::Progress&)>& progress);
  absl::StatusOr<v1::Plan> Watch(const std::string& job,
                                 const std::function<void(const v1::Progress&)>& progress);
  absl::StatusOr<v1::PlanJob> Get(const std::string& job);
  absl::StatusOr<v1::ListPlanJobsResponse> List(int page_size);
  absl::StatusOr<v1::PlanJob> Cancel(const std::string& job);
  absl::Status Delete(const std::string& job);

 private:
  absl::StatusOr<std::string> Upload(const std::string& module);
  absl::Status Connect();
  // The caller's token in it.
  std::unique_ptr<grpc::ClientContext> NewContext() const;

  const std::string server_;
  absl::Status files_;
  std::string token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Planner::Stub> planner_;
  std::unique_ptr<v1::Modules::Stub> modules_;
};

}  // namespace automap
