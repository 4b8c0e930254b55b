#include "server/jobs/sqlite_job_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/jobs/job_state.h"
#include "server/jobs/sqlite.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kVersion = 1;
constexpr int kApplicationId = 0x41504d31;

// Events keep states and plans; what they have in common with the job row is written twice, in one
// transaction.
constexpr char kSchema[] = R"(
  CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,
                     body BLOB NOT NULL, last_sequence INTEGER NOT NULL);
  CREATE INDEX jobs_by_state ON jobs (state, id);
  CREATE TABLE requests (request_id BLOB PRIMARY KEY, digest BLOB NOT NULL, name BLOB NOT NULL);
  CREATE TABLE events (name BLOB NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (name, sequence)) WITHOUT ROWID;
)";

// Without what is large: the inline module stays in the job's row.
v1::PlanJob WithoutModule(v1::PlanJob job) {
  if (!job.spec().has_module_name()) job.mutable_spec()->clear_module();
  return job;
}

class SqliteJobStore final : public JobStore {
 public:
  SqliteJobStore(sqlite3* database, int lock) : database_(database), lock_(lock) {}
  ~SqliteJobStore() override {
    sqlite3_close(database_);
    close(lock_);
  }

  absl::Status Prepare() {
    MutexLock lock(mutex_);
    for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                               "PRAGMA busy_timeout=5000", "PRAGMA trusted_schema=OFF",
                               "PRAGMA cell_size_check=ON", "PRAGMA journal_size_limit=67108864"}) {
      RETURN_IF_ERROR(SqlExecute(database_, pragma));
    }
    SqlStatement version(database_, "PRAGMA user_version");
    RETURN_IF_ERROR(version.Run());
    const int64_t found = version.Integer(0);
    if (found > kVersion)
      return absl::FailedPreconditionError(
          absl::StrCat("store: version ", found, " is newer than this program's ", kVersion));
    if (found == 0) RETURN_IF_ERROR(CreateSchema());
    return RequeueRunning();
  }

  absl::StatusOr<v1::PlanJob> Create(const v1::PlanJob& job, const std::string& request_id,
                                     const std::string& digest) override {
    MutexLock lock(mutex_);
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    if (!request_id.empty()) {
      SqlStatement known(database_, "SELECT digest, name FROM requests WHERE request_id = ?");
      ASSIGN_OR_RETURN(const bool is_known, known.Bind(request_id).Step());
      if (is_known && known.Blob(0) != digest) {
        return absl::InvalidArgumentError(
            absl::StrCat("request_id: \"", request_id, "\" was used for another request"));
      }
      if (is_known) return Load(known.Blob(1));
      SqlStatement add(database_, "INSERT INTO requests VALUES (?, ?, ?)");
      RETURN_IF_ERROR(add.Bind(request_id).Bind(digest).Bind(job.name()).Run());
    }
    SqlStatement insert(database_,
                        "INSERT INTO jobs (name, state, body, last_sequence) VALUES (?, ?, ?, 0)");
    RETURN_IF_ERROR(insert.Bind(job.name())
                        .Bind(static_cast<int64_t>(job.state()))
                        .Bind(job.SerializeAsString())
                        .Run());
    RETURN_IF_ERROR(AddStateEvent(job));
    RETURN_IF_ERROR(transaction.Commit());
    return job;
  }

  absl::StatusOr<v1::PlanJob> Get(const std::string& name) override {
    MutexLock lock(mutex_);
    return Load(name);
  }

  absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                               const std::vector<v1::PlanJob::State>& states) override {
    MutexLock lock(mutex_);
    int64_t before = INT64_MAX;
    if (!page_token.empty() && !absl::SimpleAtoi(page_token, &before))
      return absl::InvalidArgumentError("page_token: not one of this server's");
    std::string filter;
    if (!states.empty()) {
      filter = absl::StrCat(" AND state IN (",
                            absl::StrJoin(states, ",",
                                          [](std::string* out, auto state) {
                                            absl::StrAppend(out, static_cast<int>(state));
                                          }),
                            ")");
    }
    SqlStatement select(database_, absl::StrCat("SELECT id, body FROM jobs WHERE id < ?", filter,
                                                " ORDER BY id DESC LIMIT ?"));
    select.Bind(before).Bind(static_cast<int64_t>(page_size) + 1);
    JobPage page;
    int64_t last = 0;
    while (true) {
      ASSIGN_OR_RETURN(const bool has_row, select.Step());
      if (!has_row) return page;
      if (static_cast<int>(page.jobs.size()) == page_size) {
        page.next_page_token = absl::StrCat(last);
        return page;
      }
      last = select.Integer(0);
      v1::PlanJob job;
      if (!job.ParseFromString(select.Blob(1)))
        return absl::DataLossError("store: a job is damaged");
      page.jobs.push_back(WithoutModule(std::move(job)));
    }
  }

  absl::StatusOr<std::optional<v1::PlanJob>> ClaimNext(int64_t now) override {
    MutexLock lock(mutex_);
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    v1::PlanJob job;
    {
      SqlStatement select(database_, "SELECT body FROM jobs WHERE state = ? ORDER BY id LIMIT 1");
      ASSIGN_OR_RETURN(const bool has_row,
                       select.Bind(static_cast<int64_t>(v1::PlanJob::PENDING)).Step());
      if (!has_row) return std::optional<v1::PlanJob>();
      if (!job.ParseFromString(select.Blob(0)))
        return absl::DataLossError("store: a job is damaged");
    }
    job.set_state(v1::PlanJob::RUNNING);
    job.set_attempts(job.attempts() + 1);
    *job.mutable_start_time() = TimeUtil::NanosecondsToTimestamp(now);
    RETURN_IF_ERROR(Write(job));
    RETURN_IF_ERROR(AddStateEvent(job));
    RETURN_IF_ERROR(transaction.Commit());
    return std::optional<v1::PlanJob>(std::move(job));
  }

  absl::Status Update(const v1::PlanJob& job, const v1::Plan* final_plan) override {
    MutexLock lock(mutex_);
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    ASSIGN_OR_RETURN(const v1::PlanJob present, Load(job.name()));
    if (!MayMove(present.state(), job.state())) {
      return absl::FailedPreconditionError(
          absl::StrCat(job.name(), ": is ", v1::PlanJob::State_Name(present.state()),
                       ", cannot become ", v1::PlanJob::State_Name(job.state())));
    }
    v1::PlanJob next = job;
    *next.mutable_spec() = present.spec();  // callers may hold a copy without the module
    RETURN_IF_ERROR(Write(next));
    RETURN_IF_ERROR(AddStateEvent(next));
    if (final_plan != nullptr) {
      v1::PlanEvent event;
      *event.mutable_final_plan() = *final_plan;
      *event.mutable_event_time() = job.end_time();
      RETURN_IF_ERROR(AddEvent(job.name(), event));
    }
    return transaction.Commit();
  }

  absl::Status AddImprovedPlan(const std::string& name, const v1::Plan& plan,
                               int64_t now) override {
    MutexLock lock(mutex_);
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    RETURN_IF_ERROR(Load(name).status());
    v1::PlanEvent event;
    *event.mutable_improved_plan() = plan;
    *event.mutable_event_time() = TimeUtil::NanosecondsToTimestamp(now);
    RETURN_IF_ERROR(AddEvent(name, event));
    return transaction.Commit();
  }

  absl::StatusOr<std::vector<v1::PlanEvent>> EventsAfter(const std::string& name, int64_t after,
                                                         int limit) override {
    MutexLock lock(mutex_);
    SqlStatement select(
        database_,
        "SELECT body FROM events WHERE name = ? AND sequence > ? ORDER BY sequence LIMIT ?");
    select.Bind(name).Bind(after).Bind(static_cast<int64_t>(limit));
    std::vector<v1::PlanEvent> events;
    while (true) {
      ASSIGN_OR_RETURN(const bool has_row, select.Step());
      if (!has_row) return events;
      if (!events.emplace_back().ParseFromString(select.Blob(0)))
        return absl::DataLossError("store: an event is damaged");
    }
  }

  absl::Status Delete(const std::string& name) override {
    MutexLock lock(mutex_);
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    ASSIGN_OR_RETURN(const v1::PlanJob job, Load(name));
    if (!IsEnded(job.state())) {
      return absl::FailedPreconditionError(absl::StrCat(
          name, ": is ", v1::PlanJob::State_Name(job.state()), ", only ended jobs can be deleted"));
    }
    for (const char* sql : {"DELETE FROM jobs WHERE name = ?", "DELETE FROM events WHERE name = ?",
                            "DELETE FROM requests WHERE name = ?"}) {
      RETURN_IF_ERROR(SqlStatement(database_, sql).Bind(name).Run());
    }
    return transaction.Commit();
  }

 private:
  absl::Status CreateSchema() {
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    RETURN_IF_ERROR(SqlExecute(database_, kSchema));
    RETURN_IF_ERROR(SqlExecute(database_, absl::StrCat("PRAGMA user_version=", kVersion).c_str()));
    RETURN_IF_ERROR(
        SqlExecute(database_, absl::StrCat("PRAGMA application_id=", kApplicationId).c_str()));
    return transaction.Commit();
  }

  // What ran when the last process died begins again; what was being cancelled is cancelled.
  absl::Status RequeueRunning() {
    std::vector<v1::PlanJob> orphans;
    {
      SqlStatement select(database_, "SELECT body FROM jobs WHERE state IN (?, ?)");
      select.Bind(static_cast<int64_t>(v1::PlanJob::RUNNING))
          .Bind(static_cast<int64_t>(v1::PlanJob::CANCELLING));
      while (true) {
        ASSIGN_OR_RETURN(const bool has_row, select.Step());
        if (!has_row) break;
        if (!orphans.emplace_back().ParseFromString(select.Blob(0)))
          return absl::DataLossError("store: a job is damaged");
      }
    }
    SqlTransaction transaction(database_);
    RETURN_IF_ERROR(transaction.begun());
    for (v1::PlanJob& job : orphans) {
      job.set_state(job.state() == v1::PlanJob::RUNNING ? v1::PlanJob::PENDING
                                                        : v1::PlanJob::CANCELLED);
      RETURN_IF_ERROR(Write(job));
      RETURN_IF_ERROR(AddStateEvent(job));
    }
    return transaction.Commit();
  }

  absl::StatusOr<v1::PlanJob> Load(const std::string& name) {
    SqlStatement select(database_, "SELECT body FROM jobs WHERE name = ?");
    ASSIGN_OR_RETURN(const bool has_row, select.Bind(name).Step());
    if (!has_row)
      return absl::NotFoundError(absl::StrCat("name: \"", name, "\", there is no such job"));
    v1::PlanJob job;
    if (!job.ParseFromString(select.Blob(0))) return absl::DataLossError("store: a job is damaged");
    return job;
  }

  absl::Status Write(const v1::PlanJob& job) {
    SqlStatement update(database_, "UPDATE jobs SET state = ?, body = ? WHERE name = ?");
    return update.Bind(static_cast<int64_t>(job.state()))
        .Bind(job.SerializeAsString())
        .Bind(job.name())
        .Run();
  }

  absl::Status AddStateEvent(const v1::PlanJob& job) {
    v1::PlanEvent event;
    *event.mutable_state_change() = WithoutModule(job);
    *event.mutable_event_time() = job.has_end_time()     ? job.end_time()
                                  : job.has_start_time() ? job.start_time()
                                                         : job.create_time();
    return AddEvent(job.name(), event);
  }

  absl::Status AddEvent(const std::string& name, v1::PlanEvent event) {
    SqlStatement next(
        database_,
        "UPDATE jobs SET last_sequence = last_sequence + 1 WHERE name = ? RETURNING last_sequence");
    ASSIGN_OR_RETURN(const bool has_row, next.Bind(name).Step());
    if (!has_row)
      return absl::NotFoundError(absl::StrCat("name: \"", name, "\", there is no such job"));
    event.set_sequence(next.Integer(0));
    event.set_resume_token(absl::StrCat(event.sequence()));
    RETURN_IF_ERROR(next.Run());
    SqlStatement insert(database_, "INSERT INTO events VALUES (?, ?, ?)");
    return insert.Bind(name).Bind(event.sequence()).Bind(event.SerializeAsString()).Run();
  }

  Mutex mutex_;
  sqlite3* const database_ ABSL_GUARDED_BY(mutex_);
  const int lock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& folder) {
  const int lock = open(absl::StrCat(folder, "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return absl::FailedPreconditionError(absl::StrCat(folder, ": cannot be written"));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::FailedPreconditionError(absl::StrCat(folder, ": another server uses it"));
  }
  sqlite3* database = nullptr;
  const int error =
      sqlite3_open_v2(absl::StrCat(folder, "/jobs.sqlite").c_str(), &database,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  auto store = std::make_unique<SqliteJobStore>(database, lock);
  if (error != SQLITE_OK)
    return absl::FailedPreconditionError(absl::StrCat(folder, "/jobs.sqlite: cannot be opened"));
  RETURN_IF_ERROR(store->Prepare());
  return store;
}

}  // namespace automap
