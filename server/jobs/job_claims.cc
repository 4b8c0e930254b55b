#include "server/jobs/job_claims.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/jobs/job_row.h"
#include "server/jobs/job_writes.h"

namespace automap {
namespace {

// "now + lease" on the shared clock, or for ever.
std::string LeaseEnd(const SqlConnection& connection, absl::Duration lease) {
  return connection.shared_clock() == nullptr
             ? absl::StrCat(INT64_MAX)
             : absl::StrCat(connection.shared_clock(), " + ", absl::ToInt64Nanoseconds(lease));
}

}  // namespace

// By the gaps between the callers in the index jobs_by_caller.
absl::StatusOr<bool> OthersWait(SqlConnection& connection, std::vector<std::string> callers) {
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
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> rows,
      connection.Query(absl::StrCat("SELECT 1 WHERE ", absl::StrJoin(gaps, " OR ")), values));
  return !rows.empty();
}

absl::StatusOr<std::optional<Claim>> ClaimPending(SqlConnection& connection, absl::Time now,
                                                  absl::Duration lease, const ClaimFilter& filter) {
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
}

absl::StatusOr<v1::PlanJob> RenewClaim(SqlConnection& connection, const std::string& name,
                                       int64_t fence, absl::Duration lease) {
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
}

}  // namespace automap
