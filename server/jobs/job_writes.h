// The steps that the store's transactions are made of. Each runs inside a transaction.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sql.h"

namespace automap {

struct JobRow {
  v1::PlanJob job;  // without its inline module
  int64_t fence = 0;
};

// NOT_FOUND when it is not there. With `locks` nobody else changes it until the transaction ends.
absl::StatusOr<JobRow> LoadJob(SqlConnection& connection, const std::string& name, bool locks);

// RESOURCE_EXHAUSTED when one more job of `caller` would be too many.
absl::Status CheckQueue(SqlConnection& connection, const std::string& caller,
                        const QueueLimits& limits);

// The turn of a caller's next job: after its own pending ones, not before those who are next.
absl::StatusOr<int64_t> NextTurn(SqlConnection& connection, const v1::PlanJob& job);

// FAILED_PRECONDITION unless `fence` is the job's present one.
absl::Status CheckFence(const JobRow& row, int64_t fence);

// FAILED_PRECONDITION unless job_state.h has the arrow.
absl::Status CheckMove(const JobRow& row, v1::PlanJob::State to);

// Inserts a job with its first state, and the event that tells it. What is returned has no inline
// module.
absl::StatusOr<v1::PlanJob> WriteFirstState(SqlConnection& connection, v1::PlanJob job,
                                            int64_t turn);

// Writes `row` with the state that its job has now, a new etag, and the event that tells it.
absl::StatusOr<v1::PlanJob> WriteState(SqlConnection& connection, JobRow row);

// Adds an event with the next sequence number and returns that.
absl::StatusOr<int64_t> AddEvent(SqlConnection& connection, const std::string& job,
                                 v1::PlanEvent event);

absl::Status AddFinalPlan(SqlConnection& connection, const v1::PlanJob& job, const v1::Plan& plan,
                          bool caches);

// Removes the job and everything that belongs to it.
absl::Status RemoveJob(SqlConnection& connection, const std::string& name);

}  // namespace automap
