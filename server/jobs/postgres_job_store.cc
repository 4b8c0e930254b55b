#include "server/jobs/postgres_job_store.h"

#include "absl/strings/str_cat.h"
#include "automap/v1/job.pb.h"
#include "base/status_macros.h"
#include "server/jobs/postgres_changes.h"
#include "server/jobs/postgres_connection.h"
#include "server/jobs/sql_job_store.h"
#include "server/jobs/sql_schema.h"

namespace automap {
namespace {

constexpr int kSessions = 8;

// Replicas that start together take turns.
absl::Status PrepareAlone(const std::string& database) {
  ASSIGN_OR_RETURN(const auto connection, OpenPostgres(database));
  RETURN_IF_ERROR(connection->Execute("SELECT pg_advisory_lock(1096171853)"));
  const absl::Status prepared = PrepareSchema(*connection);
  RETURN_IF_ERROR(connection->Execute("SELECT pg_advisory_unlock(1096171853)"));
  return prepared;
}

absl::StatusOr<std::unique_ptr<SqlConnection>> OpenWithCounts(const std::string& database) {
  ASSIGN_OR_RETURN(auto connection, OpenPostgres(database));
  RETURN_IF_ERROR(connection->Execute(
      absl::StrCat("CREATE TEMPORARY VIEW pending AS SELECT caller, count(*) AS jobs FROM jobs "
                   "WHERE state = ",
                   int{v1::PlanJob::PENDING}, " GROUP BY caller")));
  return connection;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenPostgresJobStore(const std::string& database) {
  if (database.empty())
    return absl::InvalidArgumentError("--database-file: missing, --store postgres needs it");
  RETURN_IF_ERROR(PrepareAlone(database));
  auto changes = std::make_shared<PostgresChanges>(database);
  auto pool = std::make_unique<SqlPool>([database] { return OpenWithCounts(database); }, kSessions);
  return std::make_unique<SqlJobStore>(
      SqlSessions{.writers = std::move(pool), .readers = nullptr},
      ChangeHooks{
          .announce = [changes](const std::string& job) { changes->Announce(job); },
          .tell_progress =
              [changes](const std::string& job, const v1::Progress& progress) {
                changes->TellProgress(job, progress);
              },
          .listen = [changes](StoreListener listener) { changes->Listen(std::move(listener)); }});
}

}  // namespace automap
