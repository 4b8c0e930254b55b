// The seam for keeping jobs: what was acknowledged survives the death of any process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"

namespace automap {

struct JobPage {
  std::vector<v1::PlanJob> jobs;  // newest first, without inline modules
  std::string next_page_token;    // empty on the last page
};

// Contract (executed against every store of the catalogue):
//
// - A change that returned OK is durable, and is seen by every later call.
// - State only moves along the arrows of job_state.h; any other move is FAILED_PRECONDITION and
// changes nothing.
// - Snapshots of states and plans of a job are numbered 1, 2, ... without gaps, in the order in
// which they happened.
// - ClaimNext gives every pending job to one caller, the oldest first.
// - NOT_FOUND for jobs that are not there.
//
// Thread-safe. Times are the caller's (unix nanoseconds), so that tests have their own clock.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Stores a new PENDING job under `job.name()`. With a request id (not empty) that was used
  // before: the job that it made, or INVALID_ARGUMENT when `request_digest` differs.
  virtual absl::StatusOr<v1::PlanJob> Create(const v1::PlanJob& job, const std::string& request_id,
                                             const std::string& request_digest) = 0;
  virtual absl::StatusOr<v1::PlanJob> Get(const std::string& name) = 0;
  virtual absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                                       const std::vector<v1::PlanJob::State>& states) = 0;
  // The oldest PENDING job, now RUNNING with one more attempt; nothing when there is none.
  virtual absl::StatusOr<std::optional<v1::PlanJob>> ClaimNext(int64_t now) = 0;
  // Writes `job` (state, error, times, attempts), and with it its final plan, if one is given.
  virtual absl::Status Update(const v1::PlanJob& job, const v1::Plan* final_plan) = 0;
  // Adds a better plan to a job's events.
  virtual absl::Status AddImprovedPlan(const std::string& name, const v1::Plan& plan,
                                       int64_t now) = 0;
  // Events with a sequence greater than `after`, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<v1::PlanEvent>> EventsAfter(const std::string& name,
                                                                 int64_t after, int limit) = 0;
  // Removes an ended job with its events.
  virtual absl::Status Delete(const std::string& name) = 0;
};

}  // namespace automap
