// Jobs in one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/job_store.h"

namespace automap {

// `folder`/jobs.sqlite through one connection. A lock file refuses a second process. What ran when
// the last process died is PENDING again. FAILED_PRECONDITION when the file is locked or of a newer
// version, DATA_LOSS when it is damaged.
absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& folder);

}  // namespace automap
