// A session with one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/sql.h"

namespace automap {

// Opens or creates `path` in WAL mode with synchronous=FULL. SQLite 3.40's WAL can be corrupted by
// a writer and a checkpoint of two connections, so there must be one connection to a file.
absl::StatusOr<std::unique_ptr<SqlConnection>> OpenSqlite(const std::string& path);

}  // namespace automap
