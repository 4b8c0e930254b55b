// What the API does, without gRPC: requests in, messages or errors out. Blocks on the store; never
// runs on gRPC's threads.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/modules.pb.h"
#include "automap/v1/planner.pb.h"
#include "server/blobs/blob_store.h"
#include "server/jobs/job_store.h"
#include "server/ops/limits.h"
#include "server/ops/metrics.h"
#include "server/pool/job_feed.h"
#include "server/pool/worker_pool.h"

namespace automap {

// Thread-safe.
class JobService {
 public:
  JobService(JobStore& store, BlobStore& blobs, JobFeed& feed, WorkerPool& pool, Metrics& metrics,
             Limits limits)
      : store_(store),
        blobs_(blobs),
        feed_(feed),
        pool_(pool),
        metrics_(metrics),
        limits_(limits) {}

  // Durable when it returns. UNAVAILABLE while draining.
  absl::StatusOr<v1::PlanJob> Create(const v1::PlanSpec& spec, const v1::JobOptions& options,
                                     const std::string& request_id, const std::string& caller);
  absl::StatusOr<v1::PlanJob> Get(const std::string& name);
  absl::StatusOr<v1::ListPlanJobsResponse> List(const v1::ListPlanJobsRequest& request);
  absl::StatusOr<v1::PlanJob> Cancel(const std::string& name);
  absl::Status Delete(const std::string& name);
  absl::StatusOr<v1::Plan> GetPlan(const std::string& name);
  v1::Capabilities GetCapabilities() const;

  absl::StatusOr<std::unique_ptr<BlobStore::Upload>> BeginUpload(const v1::UploadHeader& header);
  absl::StatusOr<v1::Module> GetModule(const std::string& name);
  absl::StatusOr<v1::ListModulesResponse> ListModules(const v1::ListModulesRequest& request);
  // FAILED_PRECONDITION while a job that has not ended needs it.
  absl::Status DeleteModule(const std::string& name);

  // The bytes of a job's module, wherever they are.
  absl::StatusOr<std::string> ReadModuleOf(const v1::PlanSpec& spec);

  void BeginDrain() { draining_ = true; }
  bool is_draining() const { return draining_; }
  JobStore& store() { return store_; }
  JobFeed& feed() { return feed_; }
  Metrics& metrics() { return metrics_; }
  const Limits& limits() const { return limits_; }

 private:
  absl::Status CheckQueue();

  JobStore& store_;
  BlobStore& blobs_;
  JobFeed& feed_;
  WorkerPool& pool_;
  Metrics& metrics_;
  const Limits limits_;
  std::atomic<bool> draining_ = false;
};

}  // namespace automap
