// What the store reads without changing it. Each is one read, and needs no transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sql.h"

namespace automap {

// Each as the JobStore's call of that meaning says.
absl::StatusOr<JobPage> ListJobs(SqlConnection& connection, const JobFilter& filter, int page_size,
                                 const std::string& page_token);
absl::StatusOr<QueueState> CountByState(SqlConnection& connection);
absl::StatusOr<std::vector<v1::PlanEvent>> ReadEvents(SqlConnection& connection,
                                                      const std::string& name, int64_t after,
                                                      int limit);
absl::StatusOr<std::optional<v1::Plan>> ReadPlan(SqlConnection& connection,
                                                 const std::string& plan_key);
absl::StatusOr<std::optional<std::string>> ReadUserOf(SqlConnection& connection,
                                                      const std::string& module_name);

}  // namespace automap
