// What the store does to jobs by itself: those that are late, lost or old.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sql.h"

namespace automap {

// As JobStore::Sweep says. Inside a transaction.
absl::StatusOr<std::vector<v1::PlanJob>> SweepJobs(SqlConnection& connection,
                                                   const SweepLimits& limits);

// Takes every claimed job from its holder. Inside a transaction.
absl::Status TakeBackAll(SqlConnection& connection);

}  // namespace automap
