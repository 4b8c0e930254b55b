#include "server/jobs/sqlite_job_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "automap/v1/job.pb.h"
#include "base/status_macros.h"
#include "server/jobs/sql_job_store.h"
#include "server/jobs/sql_schema.h"
#include "server/jobs/sqlite_connection.h"

namespace automap {
namespace {

constexpr int kReaders = 4;

// The file's only session that writes; holds the lock that keeps other processes out.
class LockedConnection final : public SqlConnection {
 public:
  LockedConnection(std::unique_ptr<SqlConnection> inner, int lock)
      : inner_(std::move(inner)), lock_(lock) {}
  ~LockedConnection() override {
    inner_.reset();
    close(lock_);
  }
  absl::StatusOr<std::vector<SqlRow>> Query(absl::string_view sql,
                                            const std::vector<SqlValue>& values) override {
    return inner_->Query(sql, values);
  }
  absl::Status Execute(const std::string& sql) override { return inner_->Execute(sql); }
  const char* lock_rows(bool skip) const override { return inner_->lock_rows(skip); }
  const char* shared_clock() const override { return inner_->shared_clock(); }
  bool is_open() const override { return inner_->is_open(); }

 private:
  std::unique_ptr<SqlConnection> inner_;
  const int lock_;
};

absl::StatusOr<int> Lock(const std::string& folder) {
  const int lock = open(absl::StrCat(folder, "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return absl::FailedPreconditionError(absl::StrCat(folder, ": cannot be written"));
  if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  close(lock);
  return absl::FailedPreconditionError(absl::StrCat(folder, ": another server uses it"));
}

// `pending` as a table of this session's that triggers keep: counting those that wait at every
// creation would make a long queue slow. It is part of each transaction, rolled back with it.
absl::Status KeepCounts(SqlConnection& connection) {
  const std::string pending = absl::StrCat(int{v1::PlanJob::PENDING});
  const auto trigger = [&](absl::string_view name, absl::string_view event, absl::string_view row,
                           absl::string_view change) {
    return absl::StrCat("CREATE TEMP TRIGGER ", name, " AFTER ", event, " ON main.jobs WHEN ", row,
                        ".state = ", pending, " BEGIN ", change, " END;");
  };
  constexpr char kOneMore[] =
      "INSERT INTO pending VALUES (NEW.caller, 1) ON CONFLICT (caller) DO UPDATE SET jobs = jobs + "
      "1;";
  constexpr char kOneLess[] =
      "UPDATE pending SET jobs = jobs - 1 WHERE caller = OLD.caller;"
      "DELETE FROM pending WHERE caller = OLD.caller AND jobs = 0;";
  return connection.Execute(absl::StrCat(
      "PRAGMA temp_store=MEMORY; CREATE TEMP TABLE pending (caller BLOB PRIMARY KEY, jobs INTEGER);"
      "INSERT INTO pending SELECT caller, count(*) FROM main.jobs WHERE state = ",
      pending, " GROUP BY caller;", trigger("pending_made", "INSERT", "NEW", kOneMore),
      trigger("pending_came", "UPDATE OF state", "NEW", kOneMore),
      trigger("pending_left", "UPDATE OF state", "OLD", kOneLess),
      trigger("pending_gone", "DELETE", "OLD", kOneLess)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& folder) {
  const SqlPool::Open open = [folder]() -> absl::StatusOr<std::unique_ptr<SqlConnection>> {
    ASSIGN_OR_RETURN(const int lock, Lock(folder));
    auto connection = OpenSqlite(absl::StrCat(folder, "/jobs.sqlite"));
    if (!connection.ok()) close(lock);
    RETURN_IF_ERROR(connection.status());
    auto locked = std::make_unique<LockedConnection>(*std::move(connection), lock);
    RETURN_IF_ERROR(PrepareSchema(*locked));
    RETURN_IF_ERROR(KeepCounts(*locked));
    return locked;
  };
  const SqlPool::Open open_reader = [folder] {
    return OpenSqliteReader(absl::StrCat(folder, "/jobs.sqlite"));
  };
  auto store = std::make_unique<SqlJobStore>(
      SqlSessions{.writers = std::make_unique<SqlPool>(open, 1),
                  .readers = std::make_unique<SqlPool>(open_reader, kReaders)},
      ChangeHooks{});
  RETURN_IF_ERROR(store->TakeBackAllClaims());
  return store;
}

}  // namespace automap
