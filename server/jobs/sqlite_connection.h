// A session with one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/sql.h"

namespace automap {

// Opens or creates `path` in WAL mode with synchronous=FULL. SQLite 3.40's WAL can be corrupted by
// a writer and a checkpoint of two connections, so there must be one of these to a file; it alone
// writes and checkpoints.
absl::StatusOr<std::unique_ptr<SqlConnection>> OpenSqlite(const std::string& path);

// A session that reads only, beside the one above: it sees what was committed when its statement
// began, waits for no writer, and neither writes nor checkpoints.
absl::StatusOr<std::unique_ptr<SqlConnection>> OpenSqliteReader(const std::string& path);

}  // namespace automap
