#include "server/jobs/sqlite_job_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/sql_job_store.h"
#include "server/jobs/sql_schema.h"
#include "server/jobs/sqlite_connection.h"

namespace automap {
namespace {

// The file's only session; holds the lock that keeps other processes out.
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

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& folder) {
  const SqlPool::Open open = [folder]() -> absl::StatusOr<std::unique_ptr<SqlConnection>> {
    ASSIGN_OR_RETURN(const int lock, Lock(folder));
    auto connection = OpenSqlite(absl::StrCat(folder, "/jobs.sqlite"));
    if (!connection.ok()) close(lock);
    RETURN_IF_ERROR(connection.status());
    auto locked = std::make_unique<LockedConnection>(*std::move(connection), lock);
    RETURN_IF_ERROR(PrepareSchema(*locked));
    return locked;
  };
  auto store = std::make_unique<SqlJobStore>(std::make_unique<SqlPool>(open, 1), ChangeHooks{});
  RETURN_IF_ERROR(store->TakeBackAllClaims());
  return store;
}

}  // namespace automap
