#include "server/jobs/sql_schema.h"

#include "absl/strings/str_cat.h"
#include "automap/v1/job.pb.h"
#include "base/failpoint.h"
#include "server/jobs/job_row.h"

namespace automap {
namespace {

constexpr int64_t kVersion = 2;

// `body` is the PlanJob without its inline module, which stands in `module`. The other columns
// repeat what queries need. `turn` orders the callers of one priority; `fence` counts claims;
// `start_until` and `lease_until` are nanoseconds since 1970.
constexpr char kSchema[] = R"(
  CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, caller BLOB NOT NULL,
    state INTEGER NOT NULL, priority INTEGER NOT NULL, turn INTEGER NOT NULL,
    plan_key BLOB NOT NULL, takes_plan INTEGER NOT NULL, module_name BLOB NOT NULL,
    fence INTEGER NOT NULL, lease_until INTEGER NOT NULL, start_until INTEGER NOT NULL,
    create_time INTEGER NOT NULL, end_time INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    body BLOB NOT NULL, module BLOB NOT NULL);
  CREATE INDEX jobs_in_turn ON jobs (state, priority DESC, turn, id);
  CREATE INDEX jobs_by_caller ON jobs (state, caller, priority, turn);
  CREATE INDEX jobs_by_key ON jobs (plan_key, state);
  CREATE INDEX jobs_by_module ON jobs (module_name, state);
  CREATE INDEX jobs_by_start ON jobs (state, start_until);
  CREATE INDEX jobs_by_end ON jobs (end_time);
  CREATE TABLE labels (key BLOB NOT NULL, value BLOB NOT NULL, job INTEGER NOT NULL,
    PRIMARY KEY (key, value, job));
  CREATE INDEX labels_by_job ON labels (job);
  CREATE TABLE requests (caller BLOB NOT NULL, request_id BLOB NOT NULL, digest BLOB NOT NULL,
    name BLOB NOT NULL, PRIMARY KEY (caller, request_id));
  CREATE INDEX requests_by_name ON requests (name);
  CREATE TABLE events (name BLOB NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (name, sequence));
  CREATE TABLE plans (id INTEGER PRIMARY KEY AUTOINCREMENT, plan_key BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL);
  CREATE TABLE schema_version (version INTEGER NOT NULL);
)";

// Version 1 had jobs (id, name, state, body, last_sequence) with the module inside the body, and
// requests without a caller.
absl::Status UpgradeFrom1(SqlConnection& connection) {
  RETURN_IF_ERROR(connection.Execute(
      "DROP INDEX jobs_by_state; ALTER TABLE jobs RENAME TO jobs_1;"
      "ALTER TABLE requests RENAME TO requests_1; ALTER TABLE events RENAME TO events_1;"));
  RETURN_IF_ERROR(connection.Execute(kSchema));
  Failpoint("store.upgrade.tables_made");
  int64_t id = 0;
  while (true) {
    ASSIGN_OR_RETURN(
        const std::vector<SqlRow> rows,
        connection.Query(
            "SELECT id, body, last_sequence FROM jobs_1 WHERE id > ? ORDER BY id LIMIT 100", {id}));
    if (rows.empty()) break;
    for (const SqlRow& row : rows) {
      id = Integer(row, 0);
      v1::PlanJob job;
      if (!job.ParseFromString(Bytes(row, 1)))
        return absl::DataLossError("store: a job is damaged");
      RETURN_IF_ERROR(InsertJob(connection, job, {.turn = id, .last_sequence = Integer(row, 2)}));
    }
    Failpoint("store.upgrade.jobs_copied");
  }
  return connection.Execute(
      "INSERT INTO events SELECT name, sequence, body FROM events_1;"
      "INSERT INTO requests SELECT X'', request_id, digest, name FROM requests_1;"
      "DROP TABLE jobs_1; DROP TABLE requests_1; DROP TABLE events_1;");
}

// 0: no tables, 1: those without a version table.
absl::StatusOr<int64_t> FindVersion(SqlConnection& connection) {
  const auto rows = connection.Query("SELECT version FROM schema_version", {});
  if (rows.ok() && !rows->empty()) return Integer((*rows)[0], 0);
  return connection.Query("SELECT id FROM jobs LIMIT 1", {}).ok() ? 1 : 0;
}

}  // namespace

absl::Status PrepareSchema(SqlConnection& connection) {
  ASSIGN_OR_RETURN(const int64_t found, FindVersion(connection));
  if (found == kVersion) return absl::OkStatus();
  if (found > kVersion)
    return absl::FailedPreconditionError(
        absl::StrCat("store: version ", found, " is newer than this program's ", kVersion));
  SqlTransaction transaction(connection);
  RETURN_IF_ERROR(transaction.begun());
  RETURN_IF_ERROR(found == 1 ? UpgradeFrom1(connection) : connection.Execute(kSchema));
  RETURN_IF_ERROR(connection.Run("INSERT INTO schema_version VALUES (?)", {kVersion}));
  Failpoint("store.upgrade.before_commit");
  RETURN_IF_ERROR(transaction.Commit());
  Failpoint("store.upgrade.after_commit");
  return absl::OkStatus();
}

}  // namespace automap
