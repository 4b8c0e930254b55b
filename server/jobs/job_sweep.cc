#include "server/jobs/job_sweep.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/jobs/job_row.h"
#include "server/jobs/job_state.h"
#include "server/jobs/job_writes.h"

namespace automap {
namespace {

constexpr int64_t kSweepRows = 100;

absl::StatusOr<std::vector<std::string>> Names(SqlConnection& connection, absl::string_view where,
                                               const std::vector<SqlValue>& values) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   connection.Query(absl::StrCat("SELECT name FROM jobs WHERE ", where, " LIMIT ",
                                                 kSweepRows, connection.lock_rows(true)),
                                    values));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(Bytes(row, 0));
  return names;
}

// Takes a job from its holder, who is gone. That is nothing the job did, so it costs no attempt.
absl::StatusOr<v1::PlanJob> TakeBack(SqlConnection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, name, true));
  row.job.set_state(row.job.state() == v1::PlanJob::RUNNING ? v1::PlanJob::PENDING
                                                            : v1::PlanJob::CANCELLED);
  if (IsEnded(row.job.state())) {
    *row.job.mutable_end_time() = ToTimestamp(absl::Now());
  } else {
    row.job.set_attempts(row.job.attempts() - 1);
  }
  ++row.fence;
  return WriteState(connection, std::move(row));
}

absl::StatusOr<v1::PlanJob> Expire(SqlConnection& connection, const std::string& name,
                                   absl::Time now) {
  ASSIGN_OR_RETURN(JobRow row, LoadJob(connection, name, true));
  row.job.set_state(v1::PlanJob::EXPIRED);
  *row.job.mutable_end_time() = ToTimestamp(now);
  row.job.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  row.job.mutable_error()->set_message("queue_ttl or complete_by passed before the job started");
  return WriteState(connection, std::move(row));
}

}  // namespace

absl::StatusOr<std::vector<v1::PlanJob>> SweepJobs(SqlConnection& connection,
                                                   const SweepLimits& limits) {
  std::vector<v1::PlanJob> jobs;
  ASSIGN_OR_RETURN(const std::vector<std::string> late,
                   Names(connection, "state = ? AND start_until <= ?",
                         {int64_t{v1::PlanJob::PENDING}, absl::ToUnixNanos(limits.now)}));
  for (const std::string& name : late) {
    ASSIGN_OR_RETURN(jobs.emplace_back(), Expire(connection, name, limits.now));
  }
  if (connection.shared_clock() != nullptr) {
    ASSIGN_OR_RETURN(
        const std::vector<std::string> lost,
        Names(connection,
              absl::StrCat("state IN (?, ?) AND lease_until < ", connection.shared_clock()),
              {int64_t{v1::PlanJob::RUNNING}, int64_t{v1::PlanJob::CANCELLING}}));
    for (const std::string& name : lost) {
      ASSIGN_OR_RETURN(jobs.emplace_back(), TakeBack(connection, name));
    }
  }
  ASSIGN_OR_RETURN(
      const std::vector<std::string> old,
      Names(connection, "end_time > 0 AND end_time < ?", {absl::ToUnixNanos(limits.ended_before)}));
  for (const std::string& name : old) RETURN_IF_ERROR(RemoveJob(connection, name));
  RETURN_IF_ERROR(connection.Run("DELETE FROM plans WHERE id <= (SELECT max(id) FROM plans) - ?",
                                 {limits.max_plans}));
  return jobs;
}

absl::Status TakeBackAll(SqlConnection& connection) {
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     Names(connection, "state IN (?, ?)",
                           {int64_t{v1::PlanJob::RUNNING}, int64_t{v1::PlanJob::CANCELLING}}));
    if (names.empty()) return absl::OkStatus();
    for (const std::string& name : names) RETURN_IF_ERROR(TakeBack(connection, name).status());
  }
}

}  // namespace automap
