// The seam for keeping jobs: what was acknowledged survives the death of any process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"

namespace automap {

struct NewJob {
  v1::PlanJob job;         // PENDING; its caller owns it
  std::string request_id;  // empty: none; one caller's ids are nobody else's
  std::string request_digest;
  const v1::Plan* cached_plan = nullptr;  // the job ends with it at once
};

// How many jobs may wait. Beyond it Create is RESOURCE_EXHAUSTED.
struct QueueLimits {
  int64_t total = INT64_MAX;
  int64_t per_caller = INT64_MAX;
};

struct JobFilter {
  std::string caller;  // empty: everybody's
  std::vector<v1::PlanJob::State> states;
  std::map<std::string, std::string> labels;  // a job must carry all of them
};

// Which pending jobs a claim may take.
struct ClaimFilter {
  std::vector<std::string> not_of = {};  // callers whose jobs are passed over
  int min_priority = INT32_MIN;
};

struct JobPage {
  std::vector<v1::PlanJob> jobs;  // newest first
  std::string next_page_token;    // empty on the last page
};

// A job in the hands of one runner. Whoever claims a job again gets a higher fence, and with a
// lower one nothing can be written any more.
struct Claim {
  v1::PlanJob job;  // with its inline module
  int64_t fence = 0;
};

// A new state of a job.
struct JobUpdate {
  v1::PlanJob job;                       // its spec is not looked at; its etag, when set, must fit
  int64_t fence = 0;                     // of the claim; 0: written by nobody who runs it
  const v1::Plan* final_plan = nullptr;  // becomes an event after the state
  bool cache_plan = false;               // FindPlan gives final_plan for the job's plan_key
};

struct SweepLimits {
  absl::Time now;
  absl::Time ended_before = absl::InfinitePast();  // older ended jobs are removed
  int64_t max_plans = INT64_MAX;                   // the oldest cached plans beyond are removed
};

struct QueueState {
  std::map<v1::PlanJob::State, int64_t> jobs;
  absl::Time oldest_pending = absl::InfiniteFuture();
};

// What a process hears of others that use the store.
struct StoreListener {
  std::function<void(absl::string_view job)> changed;  // an empty name means any
  std::function<void(const std::string& job, const v1::Progress& progress)> progressed;
};

// Contract (executed against every store of the catalogue):
//
// - A change that returned OK is durable, and is seen by every later call.
// - State only moves along the arrows of job_state.h; any other move is FAILED_PRECONDITION and
//   changes nothing.
// - Snapshots of states and plans of a job are numbered 1, 2, ... without gaps, in the order in
//   which they happened. A job's etag is the number of its last state.
// - ClaimNext gives every pending job to one caller: the highest priority first, callers in turn,
//   the oldest of a caller first. It passes over a job that may take another's plan while a job
//   with the same plan_key runs.
// - A write with a fence that is not the job's present one is FAILED_PRECONDITION.
// - NOT_FOUND for jobs that are not there, UNAVAILABLE while the store cannot be reached.
//
// Jobs come back without inline modules, but for claims. Thread-safe. Times are the caller's, so
// that tests have their own clock; only leases run on the store's.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // With a request id that its caller used before: the job that it made, or INVALID_ARGUMENT when
  // the digest differs.
  virtual absl::StatusOr<v1::PlanJob> Create(const NewJob& job, const QueueLimits& limits) = 0;
  virtual absl::StatusOr<v1::PlanJob> Get(const std::string& name) = 0;
  virtual absl::StatusOr<JobPage> List(const JobFilter& filter, int page_size,
                                       const std::string& page_token) = 0;
  virtual absl::StatusOr<QueueState> CountJobs() = 0;

  // The next PENDING job that `filter` lets through, now RUNNING with one more attempt; nothing
  // when there is none. A job whose lease ran out is taken from its holder by Sweep.
  virtual absl::StatusOr<std::optional<Claim>> ClaimNext(absl::Time now, absl::Duration lease,
                                                         const ClaimFilter& filter) = 0;
  absl::StatusOr<std::optional<Claim>> ClaimNext(absl::Time now, absl::Duration lease) {
    return ClaimNext(now, lease, {});
  }
  // Keeps the claim for another `lease` and returns the job as it is now.
  virtual absl::StatusOr<v1::PlanJob> Renew(const std::string& name, int64_t fence,
                                            absl::Duration lease) = 0;
  virtual absl::StatusOr<v1::PlanJob> Update(const JobUpdate& update) = 0;
  // Adds a better plan to a job's events.
  virtual absl::Status AddImprovedPlan(const std::string& name, int64_t fence, const v1::Plan& plan,
                                       absl::Time now) = 0;

  // Events with a sequence greater than `after`, in order, at most `limit`. OUT_OF_RANGE when the
  // job has had fewer than `after`.
  virtual absl::StatusOr<std::vector<v1::PlanEvent>> EventsAfter(const std::string& name,
                                                                 int64_t after, int limit) = 0;
  // The cached plan of a key; nothing when there is none.
  virtual absl::StatusOr<std::optional<v1::Plan>> FindPlan(const std::string& plan_key) = 0;
  // Whether a job that has not ended needs the module.
  virtual absl::StatusOr<std::optional<std::string>> FindUserOf(const std::string& module_name) = 0;
  // Removes an ended job with its events. ABORTED when `etag` is given and not the job's.
  virtual absl::Status Delete(const std::string& name, const std::string& etag) = 0;

  // Housekeeping, often and cheap: jobs past their queue time become EXPIRED, lost claims PENDING
  // (CANCELLED where that was asked for), and what is older than the limits is removed. Returns the
  // jobs whose state changed, at most 100 of each kind in one call.
  virtual absl::StatusOr<std::vector<v1::PlanJob>> Sweep(const SweepLimits& limits) = 0;

  // Tells other processes how far a running job is. The newest wins, and any may be lost.
  virtual void TellProgress(const std::string& name, const v1::Progress& progress) = 0;
  // From now on hears of other processes.
  virtual void Listen(StoreListener listener) = 0;
};

}  // namespace automap
