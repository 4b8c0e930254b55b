// Jobs in a PostgreSQL database that several servers share.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/job_store.h"

namespace automap {

// `database`: how to reach it, as libpq takes it ("host=... dbname=..." or a URL). Creates the
// tables in the session's schema where they are missing. Claims skip what others hold, leases run
// on the database's clock, and every write of a runner carries its fence. UNAVAILABLE when the
// database cannot be reached, now or later; sessions are opened again by themselves.
absl::StatusOr<std::unique_ptr<JobStore>> OpenPostgresJobStore(const std::string& database);

}  // namespace automap
