#include "server/jobs/job_reads.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/jobs/job_row.h"

namespace automap {

absl::StatusOr<JobPage> ListJobs(SqlConnection& connection, const JobFilter& filter, int page_size,
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
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows, connection.Query(sql, values));
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

absl::StatusOr<QueueState> CountByState(SqlConnection& connection) {
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
    if (state == v1::PlanJob::PENDING) queue.oldest_pending = absl::FromUnixNanos(Integer(row, 2));
  }
  return queue;
}

absl::StatusOr<std::vector<v1::PlanEvent>> ReadEvents(SqlConnection& connection,
                                                      const std::string& name, int64_t after,
                                                      int limit) {
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
}

absl::StatusOr<std::optional<v1::Plan>> ReadPlan(SqlConnection& connection,
                                                 const std::string& plan_key) {
  ASSIGN_OR_RETURN(const std::vector<SqlRow> rows,
                   connection.Query("SELECT body FROM plans WHERE plan_key = ?", {plan_key}));
  if (rows.empty()) return std::optional<v1::Plan>();
  v1::Plan plan;
  if (!plan.ParseFromString(Bytes(rows[0], 0)))
    return absl::DataLossError("store: a plan is damaged");
  return std::optional<v1::Plan>(std::move(plan));
}

absl::StatusOr<std::optional<std::string>> ReadUserOf(SqlConnection& connection,
                                                      const std::string& module_name) {
  ASSIGN_OR_RETURN(
      const std::vector<SqlRow> rows,
      connection.Query("SELECT name FROM jobs WHERE module_name = ? AND state IN (?, ?, ?) LIMIT 1",
                       {module_name, int64_t{v1::PlanJob::PENDING}, int64_t{v1::PlanJob::RUNNING},
                        int64_t{v1::PlanJob::CANCELLING}}));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(Bytes(rows[0], 0));
}

}  // namespace automap
