#include "server/jobs/job_writes.h"

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "server/jobs/job_row.h"
#include "server/jobs/job_state.h"

namespace automap {
namespace {

absl::StatusOr<int64_t> NextSequence(SqlConnection& connection, const std::string& job) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   connection.Query("UPDATE jobs SET last_sequence = last_sequence + 1 "
                                    "WHERE name = ? RETURNING last_sequence",
                                    {job}));
  if (rows.empty()) return absl::NotFoundError(absl::StrCat("name: \"", job, "\", there is none"));
  return Integer(rows[0], 0);
}

absl::Status InsertEvent(SqlConnection& connection, const std::string& job, int64_t sequence,
                         v1::PlanEvent event) {
  event.set_sequence(sequence);
  return connection.Run("INSERT INTO events VALUES (?, ?, ?)",
                        {job, sequence, event.SerializeAsString()});
}

v1::PlanEvent StateEvent(const v1::PlanJob& job) {
  v1::PlanEvent event;
  *event.mutable_event_time() = job.has_end_time()     ? job.end_time()
                                : job.has_start_time() ? job.start_time()
                                                       : job.create_time();
  *event.mutable_state_change() = job;
  return event;
}

}  // namespace

absl::StatusOr<JobRow> LoadJob(SqlConnection& connection, const std::string& name, bool locks) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   connection.Query(absl::StrCat("SELECT body, fence FROM jobs WHERE name = ?",
                                                 locks ? connection.lock_rows(false) : ""),
                                    {name}));
  if (rows.empty())
    return absl::NotFoundError(absl::StrCat("name: \"", name, "\", there is no such job"));
  ASSIGN_OR_RETURN(v1::PlanJob job, ParseJob(Bytes(rows[0], 0)));
  return JobRow{std::move(job), Integer(rows[0], 1)};
}

absl::Status CheckQueue(SqlConnection& connection, const std::string& caller,
                        const QueueLimits& limits) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   connection.Query("SELECT CAST(COALESCE(sum(jobs), 0) AS INTEGER), "
                                    "CAST(COALESCE(sum(CASE WHEN caller = ? THEN jobs ELSE 0 END), "
                                    "0) AS INTEGER) FROM pending",
                                    {caller}));
  if (const int64_t own = Integer(rows[0], 1); own >= limits.per_caller) {
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          "queue: ", own, " jobs of yours are waiting, no more are taken")),
                      "CALLER_QUEUE_FULL");
  }
  if (const int64_t all = Integer(rows[0], 0); all >= limits.total) {
    return WithReason(absl::ResourceExhaustedError(
                          absl::StrCat("queue: ", all, " jobs are waiting, no more are taken")),
                      "QUEUE_FULL");
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> NextTurn(SqlConnection& connection, const v1::PlanJob& job) {
  const int64_t pending = v1::PlanJob::PENDING, priority = job.options().priority();
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> rows,
      connection.Query(
          "SELECT (SELECT COALESCE(min(turn), 1) FROM jobs WHERE state = ? AND priority = ?),"
          "(SELECT COALESCE(max(turn), 0) FROM jobs WHERE state = ? AND caller = ? AND "
          "priority = ?)",
          {pending, priority, pending, job.caller(), priority}));
  return std::max(Integer(rows[0], 0), Integer(rows[0], 1) + 1);
}

absl::Status CheckFence(const JobRow& row, int64_t fence) {
  if (row.fence == fence) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(row.job.name(), ": fence ", fence,
                                                    " is not its present one, ", row.fence,
                                                    "; another runner has it"));
}

absl::Status CheckMove(const JobRow& row, v1::PlanJob::State to) {
  if (MayMove(row.job.state(), to)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(row.job.name(), ": is ", v1::PlanJob::State_Name(row.job.state()),
                   ", cannot become ", v1::PlanJob::State_Name(to)));
}

absl::StatusOr<v1::PlanJob> WriteFirstState(SqlConnection& connection, v1::PlanJob job,
                                            int64_t turn) {
  job.set_etag("1");
  RETURN_IF_ERROR(InsertJob(connection, job, {.turn = turn, .last_sequence = 1}));
  job = WithoutModule(std::move(job));
  RETURN_IF_ERROR(InsertEvent(connection, job.name(), 1, StateEvent(job)));
  return job;
}

absl::StatusOr<v1::PlanJob> WriteState(SqlConnection& connection, JobRow row) {
  ASSIGN_OR_RETURN(const int64_t sequence, NextSequence(connection, row.job.name()));
  row.job.set_etag(absl::StrCat(sequence));
  RETURN_IF_ERROR(
      connection.Run("UPDATE jobs SET state = ?, fence = ?, end_time = ?, body = ? WHERE name = ?",
                     {int64_t{row.job.state()}, row.fence, ToNanos(row.job.end_time()),
                      row.job.SerializeAsString(), row.job.name()}));
  RETURN_IF_ERROR(InsertEvent(connection, row.job.name(), sequence, StateEvent(row.job)));
  return row.job;
}

absl::StatusOr<int64_t> AddEvent(SqlConnection& connection, const std::string& job,
                                 v1::PlanEvent event) {
  ASSIGN_OR_RETURN(const int64_t sequence, NextSequence(connection, job));
  RETURN_IF_ERROR(InsertEvent(connection, job, sequence, std::move(event)));
  return sequence;
}

absl::Status AddFinalPlan(SqlConnection& connection, const v1::PlanJob& job, const v1::Plan& plan,
                          bool caches) {
  v1::PlanEvent event;
  *event.mutable_final_plan() = plan;
  *event.mutable_event_time() = job.end_time();
  RETURN_IF_ERROR(AddEvent(connection, job.name(), std::move(event)).status());
  if (!caches) return absl::OkStatus();
  RETURN_IF_ERROR(connection.Run("DELETE FROM plans WHERE plan_key = ?", {job.plan_key()}));
  return connection.Run(
      "INSERT INTO plans (plan_key, body) VALUES (?, ?) ON CONFLICT (plan_key) DO NOTHING",
      {job.plan_key(), plan.SerializeAsString()});
}

absl::Status RemoveJob(SqlConnection& connection, const std::string& name) {
  for (const char* sql :
       {"DELETE FROM labels WHERE job = (SELECT id FROM jobs WHERE name = ?)",
        "DELETE FROM events WHERE name = ?", "DELETE FROM requests WHERE name = ?",
        "DELETE FROM jobs WHERE name = ?"}) {
    RETURN_IF_ERROR(connection.Run(sql, {name}));
  }
  return absl::OkStatus();
}

}  // namespace automap
