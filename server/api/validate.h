// Requests, checked before anything is stored.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "automap/v1/modules.pb.h"
#include "automap/v1/planner.pb.h"
#include "server/ops/limits.h"

namespace automap {

// The spec with its cluster resolved to an inline one. INVALID_ARGUMENT with the field's path,
// RESOURCE_EXHAUSTED beyond a limit. The module itself is the worker's to judge.
absl::StatusOr<v1::PlanSpec> CheckSpec(const v1::PlanSpec& spec, const Limits& limits);
absl::Status CheckOptions(const v1::JobOptions& options, const Limits& limits);
absl::Status CheckLabels(absl::string_view path,
                         const google::protobuf::Map<std::string, std::string>& labels,
                         const Limits& limits);
absl::Status CheckInlineSize(absl::string_view path, int64_t size, const Limits& limits);
// Size and, where it is given, CRC-32C of its data.
absl::Status CheckChunk(const v1::UploadChunk& chunk, const Limits& limits);
absl::Status CheckRequestId(const std::string& request_id, const Limits& limits);
absl::Status CheckHeader(const v1::UploadHeader& header, const Limits& limits);
// 0 becomes the default.
absl::StatusOr<int> CheckPageSize(int page_size, const Limits& limits);
// planJobs/{id} and modules/{sha256}.
absl::Status CheckJobName(const std::string& name);
absl::StatusOr<std::string> ModuleDigest(const std::string& name);

}  // namespace automap
