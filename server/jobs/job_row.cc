#include "server/jobs/job_row.h"

#include <algorithm>

#include "google/protobuf/util/time_util.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

// Until when the job must have started, in nanoseconds since 1970.
int64_t StartUntil(const v1::PlanJob& job) {
  int64_t until = INT64_MAX;
  if (job.options().has_queue_ttl())
    until = ToNanos(job.create_time()) + TimeUtil::DurationToNanoseconds(job.options().queue_ttl());
  if (job.options().has_complete_by())
    until = std::min(until, ToNanos(job.options().complete_by()));
  return until;
}

}  // namespace

absl::Status InsertJob(SqlConnection& connection, const v1::PlanJob& job, const RowPlace& place) {
  const v1::CachePolicy policy = job.options().cache_policy();
  const bool shares = policy != v1::CACHE_POLICY_NO_STORE;
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> rows,
      connection.Query(
          "INSERT INTO jobs (name, caller, state, priority, turn, plan_key, takes_plan, "
          "module_name, fence, lease_until, start_until, create_time, end_time, last_sequence, "
          "body, module) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?) RETURNING id",
          {job.name(), job.caller(), int64_t{job.state()}, int64_t{job.options().priority()},
           place.turn, shares ? job.plan_key() : "",
           int64_t{policy == v1::CACHE_POLICY_UNSPECIFIED && !job.plan_key().empty()},
           job.spec().module_name(), StartUntil(job), ToNanos(job.create_time()),
           ToNanos(job.end_time()), place.last_sequence, WithoutModule(job).SerializeAsString(),
           PackModule(job.spec())}));
  for (const auto& [key, value] : job.options().labels())
    RETURN_IF_ERROR(
        connection.Run("INSERT INTO labels VALUES (?, ?, ?)", {key, value, Integer(rows[0], 0)}));
  return absl::OkStatus();
}

v1::PlanJob WithoutModule(v1::PlanJob job) {
  if (!job.spec().has_module_name()) job.mutable_spec()->clear_module();
  return job;
}

absl::StatusOr<v1::PlanJob> ParseJob(const std::string& body) {
  v1::PlanJob job;
  if (!job.ParseFromString(body)) return absl::DataLossError("store: a job is damaged");
  return job;
}

std::string PackModule(const v1::PlanSpec& spec) {
  v1::PlanSpec module;
  if (spec.has_inline_hlo()) module.set_inline_hlo(spec.inline_hlo());
  if (spec.has_inline_hlo_text()) module.set_inline_hlo_text(spec.inline_hlo_text());
  return module.SerializeAsString();
}

void UnpackModule(const std::string& packed, v1::PlanSpec& spec) { spec.MergeFromString(packed); }

int64_t ToNanos(const google::protobuf::Timestamp& time) {
  return TimeUtil::TimestampToNanoseconds(time);
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

}  // namespace automap
