// A job store that tells how long its operations take.
#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "server/jobs/job_store.h"

namespace automap {

// `tell(operation, time, code)` is called after each operation, from any thread.
using StoreTell = std::function<void(const char* operation, absl::Duration, absl::StatusCode)>;

std::unique_ptr<JobStore> TimeJobStore(std::unique_ptr<JobStore> store, StoreTell tell);

}  // namespace automap
