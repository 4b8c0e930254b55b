#include "server/jobs/sql_job_store.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "server/jobs/job_row.h"
#include "server/jobs/job_state.h"
#include "server/jobs/job_sweep.h"
#include "server/jobs/job_writes.h"

namespace automap {
namespace {

constexpr int kMaxAttempts = 5;

absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// The job that the request id made before, if any.
absl::StatusOr<std::optional<v1::PlanJob>> FindByRequest(SqlConnection& connection,
                                                         const NewJob& job) {
  if (job.request_id.empty()) return std::optional<v1::PlanJob>();
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> inserted,
      connection.Query("INSERT INTO requests VALUES (?, ?, ?, ?) "
                       "ON CONFLICT (caller, request_id) DO NOTHING RETURNING 1",
                       {job.job.caller(), job.request_id, job.request_digest, job.job.name()}));
  if (!inserted.empty()) return std::optional<v1::PlanJob>();
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> known,
      connection.Query("SELECT digest, name FROM requests WHERE caller = ? AND request_id = ?",
                       {job.job.caller(), job.request_id}));
  if (known.empty()) return absl::AbortedError("store: the request's job was just deleted");
  if (Bytes(known[0], 0) != job.request_digest) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat("request_id: \"", job.request_id,
                                                              "\" was used for another request")),
                      "REQUEST_ID_REUSED");
  }
  ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, Bytes(known[0], 1), false));
  return std::optional<v1::PlanJob>(std::move(row.job));
}

absl::StatusOr<v1::PlanJob> EndWithCachedPlan(SqlConnection& connection, v1::PlanJob job,
                                              const v1::Plan& plan) {
  job.set_state(v1::PlanJob::SUCCEEDED);
  job.set_from_cache(true);
  job.set_has_plan(true);
  *job.mutable_start_time() = job.create_time();
  *job.mutable_end_time() = job.create_time();
  ASSIGN_OR_RETURN(job, WriteState(connection, {std::move(job), 0}));
  RETURN_IF_ERROR(AddFinalPlan(connection, job, plan, false));
  return job;
}

absl::Status EtagMismatch(const v1::PlanJob& job, const std::string& etag) {
  return WithReason(absl::AbortedError(absl::StrCat("etag: \"", etag, "\", ", job.name(), " has \"",
                                                    job.etag(), "\"")),
                    "ETAG_MISMATCH");
}

// "now + lease" on the shared clock, or for ever.
std::string LeaseEnd(const SqlConnection& connection, absl::Duration lease) {
  return connection.shared_clock() == nullptr
             ? absl::StrCat(INT64_MAX)
             : absl::StrCat(connection.shared_clock(), " + ", absl::ToInt64Nanoseconds(lease));
}

}  // namespace

SqlJobStore::SqlJobStore(SqlSessions sessions, ChangeHooks hooks)
    : sessions_(std::move(sessions)),
      group_(sessions_.writers->size() == 1 ? std::make_unique<GroupCommit>(*sessions_.writers)
                                            : nullptr),
      hooks_(std::move(hooks)) {}

absl::Status SqlJobStore::RunAndCommit(const GroupCommit::Body& body) {
  if (group_ != nullptr) return group_->Run(body);
  ASSIGN_OR_RETURN(SqlPool::Session session, sessions_.writers->Take());
  SqlTransaction transaction(*session);
  RETURN_IF_ERROR(transaction.begun());
  RETURN_IF_ERROR(body(*session));
  return transaction.Commit();
}

template <typename Body>
auto SqlJobStore::Transact(const std::string& operation, Body body) {
  using Result = decltype(body(std::declval<SqlConnection&>()));
  for (int attempt = 1;; ++attempt) {
    std::optional<Result> result;
    absl::Status status = RunAndCommit([&](SqlConnection& connection) -> absl::Status {
      result = body(connection);
      RETURN_IF_ERROR(StatusOf(*result));
      return FailpointStatus("store." + operation + ".before_commit");
    });
    if (status.ok()) status = FailpointStatus("store." + operation + ".after_commit");
    if (status.code() == absl::StatusCode::kAborted && attempt < kMaxAttempts) continue;
    return status.ok() ? *std::move(result) : Result(status);
  }
}

template <typename Body>
auto SqlJobStore::Use(SqlPool& pool, Body body) {
  using Result = decltype(body(std::declval<SqlConnection&>()));
  return [&]() -> Result {
    ASSIGN_OR_RETURN(SqlPool::Session session, pool.Take());
    return body(*session);
  }();
}

absl::StatusOr<v1::PlanJob> SqlJobStore::Create(const NewJob& job, const QueueLimits& limits) {
  auto created = Transact("create", [&](SqlConnection& connection) -> absl::StatusOr<v1::PlanJob> {
    ASSIGN_OR_RETURN(std::optional<v1::PlanJob> known, FindByRequest(connection, job));
    if (known.has_value()) return *std::move(known);
    int64_t turn = 0;
    if (job.cached_plan == nullptr) {
      RETURN_IF_ERROR(CheckQueue(connection, job.job.caller(), limits));
      ASSIGN_OR_RETURN(turn, NextTurn(connection, job.job));
    }
    ASSIGN_OR_RETURN(v1::PlanJob stored, WriteFirstState(connection, job.job, turn));
    if (job.cached_plan == nullptr) return stored;
    return EndWithCachedPlan(connection, std::move(stored), *job.cached_plan);
  });
  if (created.ok() && hooks_.announce) hooks_.announce(created->name());
  return created;
}

absl::StatusOr<v1::PlanJob> SqlJobStore::Get(const std::string& name) {
  return Read([&](SqlConnection& connection) -> absl::StatusOr<v1::PlanJob> {
    ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, name, false));
    return std::move(row.job);
  });
}

absl::StatusOr<JobPage> SqlJobStore::List(const JobFilter& filter, int page_size,
                                          const std::string& page_token) {
  int64_t before = INT64_MAX;
  if (!page_token.empty() && (!absl::SimpleAtoi(page_token, &before) || before < 0))
    return absl::InvalidArgumentError("page_token: not one of this server's");
  std::string sql = "SELECT id, body FROM jobs WHERE id < ?";
  std::vector<SqlValue> values = {before};
  if (!filter.caller.empty()) {
    absl::StrAppend(&sql, " AND caller = ?");
    values.emplace_back(filter.caller);
  }
  if (!filter.states.empty()) {
    const auto append = [](std::string* out, int state) { absl::StrAppend(out, state); };
    absl::StrAppend(&sql, " AND state IN (", absl::StrJoin(filter.states, ",", append), ")");
  }
  for (const auto& [key, value] : filter.labels) {
    absl::StrAppend(&sql,
                    " AND EXISTS (SELECT 1 FROM labels WHERE job = id AND key = ? AND value = ?)");
    values.emplace_back(key);
    values.emplace_back(value);
  }
  absl::StrAppend(&sql, " ORDER BY id DESC LIMIT ?");
  values.emplace_back(int64_t{page_size} + 1);
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   Read([&](SqlConnection& connection) { return connection.Query(sql, values); }));
  JobPage page;
  for (const SqlRow& row : rows) {
    if (static_cast<int>(page.jobs.size()) == page_size) {
      page.next_page_token = absl::StrCat(Integer(rows[page_size - 1], 0));
      break;
    }
    ASSIGN_OR_RETURN(page.jobs.emplace_back(), ParseJob(Bytes(row, 1)));
  }
  return page;
}

absl::StatusOr<QueueState> SqlJobStore::CountJobs() {
  return Read([](SqlConnection& connection) -> absl::StatusOr<QueueState> {
    ASSIGN_OR_RETURN(
        const std::vector<SqlRow> rows,
        connection.Query("SELECT state, count(*), min(create_time) FROM jobs WHERE state IN "
                         "(?, ?, ?) GROUP BY state",
                         {int64_t{v1::PlanJob::PENDING}, int64_t{v1::PlanJob::RUNNING},
                          int64_t{v1::PlanJob::CANCELLING}}));
    QueueState queue;
    for (const SqlRow& row : rows) {
      const auto state = static_cast<v1::PlanJob::State>(Integer(row, 0));
      queue.jobs[state] = Integer(row, 1);
      if (state == v1::PlanJob::PENDING)
        queue.oldest_pending = absl::FromUnixNanos(Integer(row, 2));
    }
    return queue;
  });
}

// By the gaps between the callers in the index jobs_by_caller.
absl::StatusOr<bool> SqlJobStore::OthersWait(std::vector<std::string> callers) {
  std::sort(callers.begin(), callers.end());
  std::vector<std::string> gaps;
  std::vector<SqlValue> values;
  for (size_t i = 0; i <= callers.size(); ++i) {
    std::string& gap = gaps.emplace_back("EXISTS (SELECT 1 FROM jobs WHERE state = ?");
    values.emplace_back(int64_t{v1::PlanJob::PENDING});
    if (i > 0) {
      absl::StrAppend(&gap, " AND caller > ?");
      values.emplace_back(callers[i - 1]);
    }
    if (i < callers.size()) {
      absl::StrAppend(&gap, " AND caller < ?");
      values.emplace_back(callers[i]);
    }
    gap += ")";
  }
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows, Read([&](SqlConnection& connection) {
                     return connection.Query(
                         absl::StrCat("SELECT 1 WHERE ", absl::StrJoin(gaps, " OR ")), values);
                   }));
  return !rows.empty();
}

absl::StatusOr<std::optional<Claim>> SqlJobStore::ClaimNext(absl::Time now, absl::Duration lease,
                                                            const ClaimFilter& filter) {
  if (!filter.not_of.empty()) {
    ASSIGN_OR_RETURN(const bool waits, OthersWait(filter.not_of));
    if (!waits) return std::optional<Claim>();
  }
  std::vector<SqlValue> values = {int64_t{v1::PlanJob::PENDING}, absl::ToUnixNanos(now),
                                  int64_t{filter.min_priority}, int64_t{v1::PlanJob::RUNNING},
                                  int64_t{v1::PlanJob::CANCELLING}};
  values.insert(values.end(), filter.not_of.begin(), filter.not_of.end());
  const std::string not_of =
      filter.not_of.empty()
          ? ""
          : absl::StrCat("AND caller NOT IN (",
                         absl::StrJoin(std::vector<const char*>(filter.not_of.size(), "?"), ","),
                         ") ");
  auto claimed =
      Transact("claim", [&](SqlConnection& connection) -> absl::StatusOr<std::optional<Claim>> {
        ASSIGN_OR_RETURN(
            const std::vector<SqlRow> rows,
            connection.Query(
                absl::StrCat(
                    "SELECT body, fence, module FROM jobs WHERE state = ? AND start_until > ? AND "
                    "priority >= ? AND "
                    "(takes_plan = 0 OR NOT EXISTS (SELECT 1 FROM jobs AS other WHERE "
                    "other.plan_key = jobs.plan_key AND other.state IN (?, ?))) ",
                    not_of, "ORDER BY priority DESC, turn, id LIMIT 1", connection.lock_rows(true)),
                values));
        if (rows.empty()) return std::optional<Claim>();
        ASSIGN_OR_RETURN(v1::PlanJob job, ParseJob(Bytes(rows[0], 0)));
        job.set_state(v1::PlanJob::RUNNING);
        job.set_attempts(job.attempts() + 1);
        *job.mutable_start_time() = ToTimestamp(now);
        Claim claim = {.job = {}, .fence = Integer(rows[0], 1) + 1};
        ASSIGN_OR_RETURN(claim.job, WriteState(connection, {std::move(job), claim.fence}));
        RETURN_IF_ERROR(connection.Run(absl::StrCat("UPDATE jobs SET lease_until = ",
                                                    LeaseEnd(connection, lease), " WHERE name = ?"),
                                       {claim.job.name()}));
        UnpackModule(Bytes(rows[0], 2), *claim.job.mutable_spec());
        return std::optional<Claim>(std::move(claim));
      });
  if (claimed.ok() && claimed->has_value() && hooks_.announce)
    hooks_.announce((*claimed)->job.name());
  return claimed;
}

absl::StatusOr<v1::PlanJob> SqlJobStore::Renew(const std::string& name, int64_t fence,
                                               absl::Duration lease) {
  const auto renew = [&](SqlConnection& connection) -> absl::StatusOr<v1::PlanJob> {
    ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, name, false));
    RETURN_IF_ERROR(CheckFence(row, fence));
    if (connection.shared_clock() == nullptr) return std::move(row.job);
    ASSIGN_OR_RETURN(
        const std::vector<SqlRow> renewed,
        connection.Query(absl::StrCat("UPDATE jobs SET lease_until = ", LeaseEnd(connection, lease),
                                      " WHERE name = ? AND fence = ? RETURNING 1"),
                         {name, fence}));
    if (renewed.empty())
      return absl::FailedPreconditionError(absl::StrCat(name, ": fence ", fence, " is lost"));
    return std::move(row.job);
  };
  return Use(*sessions_.writers, renew);
}

absl::StatusOr<v1::PlanJob> SqlJobStore::Update(const JobUpdate& update) {
  auto written = Transact("update", [&](SqlConnection& connection) -> absl::StatusOr<v1::PlanJob> {
    ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, update.job.name(), true));
    if (!update.job.etag().empty() && update.job.etag() != row.job.etag())
      return EtagMismatch(row.job, update.job.etag());
    if (update.fence != 0) RETURN_IF_ERROR(CheckFence(row, update.fence));
    RETURN_IF_ERROR(CheckMove(row, update.job.state()));
    v1::PlanJob next = update.job;
    *next.mutable_spec() = row.job.spec();
    next.set_has_plan(update.final_plan != nullptr);
    ASSIGN_OR_RETURN(next, WriteState(connection, {std::move(next), row.fence}));
    if (update.final_plan != nullptr)
      RETURN_IF_ERROR(AddFinalPlan(connection, next, *update.final_plan, update.cache_plan));
    return next;
  });
  if (written.ok() && hooks_.announce) hooks_.announce(written->name());
  return written;
}

absl::Status SqlJobStore::AddImprovedPlan(const std::string& name, int64_t fence,
                                          const v1::Plan& plan, absl::Time now) {
  const absl::Status added = Transact("improve", [&](SqlConnection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const JobRow row, LoadJob(connection, name, true));
    RETURN_IF_ERROR(CheckFence(row, fence));
    v1::PlanEvent event;
    *event.mutable_improved_plan() = plan;
    *event.mutable_event_time() = ToTimestamp(now);
    return AddEvent(connection, name, std::move(event)).status();
  });
  if (added.ok() && hooks_.announce) hooks_.announce(name);
  return added;
}

absl::StatusOr<std::vector<v1::PlanEvent>> SqlJobStore::EventsAfter(const std::string& name,
                                                                    int64_t after, int limit) {
  return Read([&](SqlConnection& connection) -> absl::StatusOr<std::vector<v1::PlanEvent>> {
    ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                     connection.Query("SELECT body FROM events WHERE name = ? AND sequence > ? "
                                      "ORDER BY sequence LIMIT ?",
                                      {name, after, int64_t{limit}}));
    if (rows.empty()) {
      ASSIGN_OR_RETURN(const std::vector<SqlRow> last,
                       connection.Query("SELECT last_sequence FROM jobs WHERE name = ?", {name}));
      if (last.empty())
        return absl::NotFoundError(absl::StrCat("name: \"", name, "\", there is no such job"));
      if (Integer(last[0], 0) < after)
        return absl::OutOfRangeError(
            absl::StrCat("resume_token: ", name, " has had only ", Integer(last[0], 0), " events"));
    }
    std::vector<v1::PlanEvent> events;
    for (const SqlRow& row : rows) {
      if (!events.emplace_back().ParseFromString(Bytes(row, 0)))
        return absl::DataLossError("store: an event is damaged");
    }
    return events;
  });
}

absl::StatusOr<std::optional<v1::Plan>> SqlJobStore::FindPlan(const std::string& plan_key) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows, Read([&](SqlConnection& connection) {
                     return connection.Query("SELECT body FROM plans WHERE plan_key = ?",
                                             {plan_key});
                   }));
  if (rows.empty()) return std::optional<v1::Plan>();
  v1::Plan plan;
  if (!plan.ParseFromString(Bytes(rows[0], 0)))
    return absl::DataLossError("store: a plan is damaged");
  return std::optional<v1::Plan>(std::move(plan));
}

absl::StatusOr<std::optional<std::string>> SqlJobStore::FindUserOf(const std::string& module_name) {
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> rows, Read([&](SqlConnection& connection) {
        return connection.Query(
            "SELECT name FROM jobs WHERE module_name = ? AND state IN (?, ?, ?) LIMIT 1",
            {module_name, int64_t{v1::PlanJob::PENDING}, int64_t{v1::PlanJob::RUNNING},
             int64_t{v1::PlanJob::CANCELLING}});
      }));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(Bytes(rows[0], 0));
}

absl::Status SqlJobStore::Delete(const std::string& name, const std::string& etag) {
  const absl::Status deleted = Transact("delete", [&](SqlConnection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const JobRow row, LoadJob(connection, name, true));
    if (!etag.empty() && etag != row.job.etag()) return EtagMismatch(row.job, etag);
    if (!IsEnded(row.job.state())) {
      return absl::FailedPreconditionError(absl::StrCat(name, ": is ",
                                                        v1::PlanJob::State_Name(row.job.state()),
                                                        ", only ended jobs can be deleted"));
    }
    return RemoveJob(connection, name);
  });
  if (deleted.ok() && hooks_.announce) hooks_.announce(name);
  return deleted;
}

absl::StatusOr<std::vector<v1::PlanJob>> SqlJobStore::Sweep(const SweepLimits& limits) {
  auto changed =
      Transact("sweep", [&](SqlConnection& connection) { return SweepJobs(connection, limits); });
  if (changed.ok() && hooks_.announce) {
    for (const v1::PlanJob& job : *changed) hooks_.announce(job.name());
  }
  return changed;
}

void SqlJobStore::TellProgress(const std::string& name, const v1::Progress& progress) {
  if (hooks_.tell_progress) hooks_.tell_progress(name, progress);
}

void SqlJobStore::Listen(StoreListener listener) {
  if (hooks_.listen) hooks_.listen(std::move(listener));
}

absl::Status SqlJobStore::TakeBackAllClaims() {
  return Transact("recover", [](SqlConnection& connection) { return TakeBackAll(connection); });
}

}  // namespace automap
