// Where a stream of a job's events stands, as text for clients.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// Means the same on every replica. Gives nobody access to anything.
std::string ResumeToken(const std::string& job, int64_t sequence);

// The sequence; OUT_OF_RANGE when it is no token of this job.
absl::StatusOr<int64_t> ParseResumeToken(const std::string& job, absl::string_view token);

}  // namespace automap
