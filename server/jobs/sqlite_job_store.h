// Jobs in one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/job_store.h"

namespace automap {

// `folder`/jobs.sqlite in WAL mode with synchronous=FULL. One connection does everything:
// SQLite 3.40's WAL can be corrupted by a writer and a checkpoint of two connections. A lock file
// refuses a second process. Jobs that ran when the last process died are PENDING again.
// FAILED_PRECONDITION when the file is locked or of a newer version, DATA_LOSS when it is damaged.
absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& folder);

}  // namespace automap
