// The tables of the job store and how older ones become them.
#pragma once

#include "absl/status/status.h"
#include "server/jobs/sql.h"

namespace automap {

// Creates the tables where they are missing and upgrades those of version 1, in one transaction: a
// process that is killed within it changes nothing. FAILED_PRECONDITION when they are of a version
// newer than this program.
absl::Status PrepareSchema(SqlConnection& connection);

}  // namespace automap
