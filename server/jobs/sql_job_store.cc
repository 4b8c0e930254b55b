#include "server/jobs/sql_job_store.h"

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "server/jobs/job_claims.h"
#include "server/jobs/job_reads.h"
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
  return Read([&](SqlConnection& connection) {
    return ListJobs(connection, filter, page_size, page_token);
  });
}

absl::StatusOr<QueueState> SqlJobStore::CountJobs() {
  return Read([](SqlConnection& connection) { return CountByState(connection); });
}

absl::StatusOr<std::optional<Claim>> SqlJobStore::ClaimNext(absl::Time now, absl::Duration lease,
                                                            const ClaimFilter& filter) {
  if (!filter.not_of.empty()) {
    ASSIGN_OR_RETURN(const bool waits, Read([&](SqlConnection& connection) {
                       return OthersWait(connection, filter.not_of);
                     }));
    if (!waits) return std::optional<Claim>();
  }
  auto claimed = Transact("claim", [&](SqlConnection& connection) {
    return ClaimPending(connection, now, lease, filter);
  });
  if (claimed.ok() && claimed->has_value() && hooks_.announce)
    hooks_.announce((*claimed)->job.name());
  return claimed;
}

absl::StatusOr<v1::PlanJob> SqlJobStore::Renew(const std::string& name, int64_t fence,
                                               absl::Duration lease) {
  return Use(*sessions_.writers,
             [&](SqlConnection& connection) { return RenewClaim(connection, name, fence, lease); });
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
  return Read(
      [&](SqlConnection& connection) { return ReadEvents(connection, name, after, limit); });
}

absl::StatusOr<std::optional<v1::Plan>> SqlJobStore::FindPlan(const std::string& plan_key) {
  return Read([&](SqlConnection& connection) { return ReadPlan(connection, plan_key); });
}

absl::StatusOr<std::optional<std::string>> SqlJobStore::FindUserOf(const std::string& module_name) {
  return Read([&](SqlConnection& connection) { return ReadUserOf(connection, module_name); });
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
