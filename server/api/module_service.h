// What the Modules service does, without gRPC. Blocks on files; never runs on gRPC's threads.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/modules.pb.h"
#include "base/mutex.h"
#include "server/api/caller.h"
#include "server/blobs/blob_store.h"
#include "server/jobs/job_store.h"
#include "server/ops/limits.h"

namespace automap {

// Thread-safe.
class ModuleService {
 public:
  ModuleService(JobStore& store, BlobStore& blobs, const Limits& limits)
      : store_(store), blobs_(blobs), limits_(limits) {}

  absl::StatusOr<std::unique_ptr<BlobStore::Upload>> BeginUpload(const v1::UploadHeader& header,
                                                                 const Caller& caller);
  absl::StatusOr<v1::QueryUploadResponse> QueryUpload(const v1::QueryUploadRequest& request,
                                                      const Caller& caller);
  absl::StatusOr<v1::Module> Create(const v1::CreateModuleRequest& request, const Caller& caller);
  absl::StatusOr<v1::FindMissingModulesResponse> FindMissing(
      const v1::FindMissingModulesRequest& request);
  absl::StatusOr<v1::Module> Get(const std::string& name);
  absl::StatusOr<v1::ListModulesResponse> List(const v1::ListModulesRequest& request);
  // FAILED_PRECONDITION while a job that has not ended needs it.
  absl::Status Delete(const std::string& name);

  // The bytes of a job's module, wherever they are.
  absl::StatusOr<std::string> ReadModuleOf(const v1::PlanSpec& spec);
  // Digest of its content, for the plan key. FAILED_PRECONDITION when it was not uploaded.
  absl::StatusOr<std::string> ContentDigestOf(const v1::PlanSpec& spec);

 private:
  JobStore& store_;
  BlobStore& blobs_;
  const Limits& limits_;
  Mutex mutex_;
  std::map<std::string, std::string> content_digests_ ABSL_GUARDED_BY(mutex_);  // of stored files
};

}  // namespace automap
