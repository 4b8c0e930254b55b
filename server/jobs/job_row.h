// One job as a row of the table `jobs`.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "server/jobs/sql.h"

namespace automap {

struct RowPlace {
  int64_t turn = 0;           // among jobs of the same priority
  int64_t last_sequence = 0;  // of its events
};

// Inserts the job, its inline module and its labels.
absl::Status InsertJob(SqlConnection& connection, const v1::PlanJob& job, const RowPlace& place);

// The job without its inline module.
v1::PlanJob WithoutModule(v1::PlanJob job);

// DATA_LOSS when the bytes are none.
absl::StatusOr<v1::PlanJob> ParseJob(const std::string& body);

// The inline module of a spec, put into one string with its kind, and back.
std::string PackModule(const v1::PlanSpec& spec);
void UnpackModule(const std::string& packed, v1::PlanSpec& spec);

int64_t ToNanos(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp ToTimestamp(absl::Time time);

}  // namespace automap
