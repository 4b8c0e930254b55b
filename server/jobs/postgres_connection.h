// A session with a PostgreSQL database.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libpq-fe.h"
#include "server/jobs/sql.h"

namespace automap {

using PgSession = std::unique_ptr<PGconn, decltype(&PQfinish)>;

// `database`: how to reach it, as libpq takes it. Errors never repeat it, as it may hold a
// password.
absl::StatusOr<PgSession> ConnectToPostgres(const std::string& database);

// The store's text is SQLite's; what PostgreSQL says differently (types, numbered values) is
// translated here.
absl::StatusOr<std::unique_ptr<SqlConnection>> OpenPostgres(const std::string& database);

}  // namespace automap
