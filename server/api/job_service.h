// What the Planner service does, without gRPC: requests in, messages or errors out. Blocks on the
// store; never runs on gRPC's threads.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/planner.pb.h"
#include "server/api/caller.h"
#include "server/api/module_service.h"
#include "server/jobs/job_store.h"
#include "server/ops/limits.h"
#include "server/ops/metrics.h"
#include "server/pool/job_feed.h"
#include "server/pool/worker_pool.h"

namespace automap {

// Thread-safe. A job that the caller must not see is NOT_FOUND; one that it must not change is
// PERMISSION_DENIED.
class JobService {
 public:
  JobService(JobStore& store, ModuleService& modules, JobFeed& feed, WorkerPool& pool,
             Metrics& metrics, const Limits& limits)
      : store_(store),
        modules_(modules),
        feed_(feed),
        pool_(pool),
        metrics_(metrics),
        limits_(limits) {}

  // Durable when it returns. UNAVAILABLE while draining. A job that is waited for until
  // `wanted_by` completes a little before, unless its options say when.
  absl::StatusOr<v1::PlanJob> Create(const v1::CreatePlanJobRequest& request, const Caller& caller,
                                     absl::Time wanted_by = absl::InfiniteFuture());
  absl::StatusOr<v1::PlanJob> Get(const std::string& name, const Caller& caller);
  absl::StatusOr<v1::ListPlanJobsResponse> List(const v1::ListPlanJobsRequest& request,
                                                const Caller& caller);
  absl::StatusOr<v1::PlanJob> Cancel(const v1::CancelPlanJobRequest& request, const Caller& caller);
  absl::Status Delete(const v1::DeletePlanJobRequest& request, const Caller& caller);
  absl::StatusOr<v1::Plan> GetPlan(const std::string& name, const Caller& caller);
  absl::StatusOr<v1::Plan> LookupPlan(const v1::LookupPlanRequest& request);
  v1::Capabilities GetCapabilities() const;

  // Housekeeping, once a second: jobs that are late or lost, what is too old.
  void Sweep();

  // From now on no new jobs; streams end with a bookmark.
  void BeginDrain();
  bool is_draining() const { return draining_; }
  // One more stream of events; false when there are too many. CloseStream for each true one.
  bool OpenStream();
  void CloseStream() { --streams_; }
  int64_t open_streams() const { return streams_; }

  JobStore& store() { return store_; }
  JobFeed& feed() { return feed_; }
  Metrics& metrics() { return metrics_; }
  const Limits& limits() const { return limits_; }

 private:
  // A PENDING job as it would be stored.
  absl::StatusOr<v1::PlanJob> MakeJob(const v1::CreatePlanJobRequest& request,
                                      const Caller& caller);
  absl::StatusOr<std::optional<v1::Plan>> FindCached(const v1::PlanJob& job);
  absl::StatusOr<v1::PlanJob> GetToChange(const std::string& name, const Caller& caller);
  absl::StatusOr<v1::PlanJob> TryCancel(v1::PlanJob job, const v1::CancelPlanJobRequest& request);

  JobStore& store_;
  ModuleService& modules_;
  JobFeed& feed_;
  WorkerPool& pool_;
  Metrics& metrics_;
  const Limits& limits_;
  std::atomic<bool> draining_ = false;
  std::atomic<int64_t> streams_ = 0;
};

}  // namespace automap
