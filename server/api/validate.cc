#include "server/api/validate.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/crc32c.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "planner/strategy_names.h"
#include "server/blobs/blob_store.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr int64_t kMaxSeconds = 366 * 86400;

absl::Status Refuse(absl::string_view path, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", text));
}

absl::Status CheckModuleField(const v1::PlanSpec& spec, const Limits& limits) {
  if (spec.module_case() == v1::PlanSpec::MODULE_NOT_SET)
    return Refuse("spec.module", "missing, must be module_name, inline_hlo_text or inline_hlo");
  if (spec.has_module_name()) return ModuleDigest(spec.module_name()).status();
  const int64_t size = static_cast<int64_t>(spec.has_inline_hlo() ? spec.inline_hlo().size()
                                                                  : spec.inline_hlo_text().size());
  if (size == 0) return Refuse("spec.inline_hlo", "empty, must be an HLO module");
  return CheckInlineSize("spec.inline_hlo", size, limits);
}

// Positive, and not so long that times overflow.
absl::Status CheckDuration(absl::string_view path, const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > 999'999'999 ||
      (duration.seconds() == 0 && duration.nanos() == 0))
    return Refuse(path, "must be > 0");
  if (duration.seconds() > kMaxSeconds)
    return Refuse(path, absl::StrCat(duration.seconds(), " s, must be at most ", kMaxSeconds));
  return absl::OkStatus();
}

absl::Status CheckCompleteBy(const google::protobuf::Timestamp& time) {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  if (time.seconds() < now) return Refuse("options.complete_by", "is past");
  if (time.seconds() > now + kMaxSeconds || time.nanos() < 0 || time.nanos() > 999'999'999)
    return Refuse("options.complete_by", "must be a time within a year");
  return absl::OkStatus();
}

absl::Status CheckPlanOptions(const v1::PlanOptions& options) {
  const std::string& strategy = options.strategy();
  if (!strategy.empty() && !IsStrategyName(strategy))
    return Refuse("spec.options.strategy",
                  absl::StrCat("\"", strategy, "\", must be ", StrategyNamesInWords()));
  if (!options.preset().empty() && options.preset() != "default" && options.preset() != "paper")
    return Refuse("spec.options.preset",
                  absl::StrCat("\"", options.preset(), "\", must be default or paper"));
  if (options.axis_size() < 0)
    return Refuse("spec.options.axis_size", absl::StrCat(options.axis_size(), ", must be >= 0"));
  if (options.stages() < 0)
    return Refuse("spec.options.stages", absl::StrCat(options.stages(), ", must be >= 0"));
  if (options.micro_batches() < 0)
    return Refuse("spec.options.micro_batches",
                  absl::StrCat(options.micro_batches(), ", must be >= 0"));
  if (options.max_decisions() < 0 || options.max_decisions() > 100'000'000)
    return Refuse("spec.options.max_decisions",
                  absl::StrCat(options.max_decisions(), ", must be in 0..100000000"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PlanSpec> CheckSpec(const v1::PlanSpec& spec, const Limits& limits) {
  RETURN_IF_ERROR(CheckModuleField(spec, limits));
  RETURN_IF_ERROR(CheckPlanOptions(spec.options()));
  v1::PlanSpec resolved = spec;
  if (spec.has_cluster_preset()) {
    ASSIGN_OR_RETURN(*resolved.mutable_inline_cluster(), ClusterPreset(spec.cluster_preset()));
  } else if (!spec.has_inline_cluster()) {
    return Refuse("spec.cluster", "missing, must be cluster_preset or inline_cluster");
  }
  RETURN_IF_ERROR(ClusterFromProto(resolved.inline_cluster()).status());
  return resolved;
}

absl::Status CheckLabels(absl::string_view path,
                         const google::protobuf::Map<std::string, std::string>& labels,
                         const Limits& limits) {
  if (static_cast<int>(labels.size()) > limits.max_labels)
    return Refuse(path,
                  absl::StrCat(labels.size(), " of them, must be at most ", limits.max_labels));
  for (const auto& [key, value] : labels) {
    if (key.empty()) return Refuse(path, "one without a key");
    if (static_cast<int>(key.size() + value.size()) > limits.max_label_bytes)
      return Refuse(path, absl::StrCat("one of more than ", limits.max_label_bytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const v1::JobOptions& options, const Limits& limits) {
  if (options.has_run_timeout())
    RETURN_IF_ERROR(CheckDuration("options.run_timeout", options.run_timeout()));
  if (options.has_queue_ttl())
    RETURN_IF_ERROR(CheckDuration("options.queue_ttl", options.queue_ttl()));
  if (options.has_complete_by()) RETURN_IF_ERROR(CheckCompleteBy(options.complete_by()));
  if (std::abs(int64_t{options.priority()}) > limits.max_priority)
    return Refuse("options.priority",
                  absl::StrCat(options.priority(), ", must be in ", -limits.max_priority, "..",
                               limits.max_priority));
  if (!v1::CachePolicy_IsValid(options.cache_policy()))
    return Refuse("options.cache_policy", "is none that is known here");
  return CheckLabels("options.labels", options.labels(), limits);
}

absl::Status CheckInlineSize(absl::string_view path, int64_t size, const Limits& limits) {
  if (size <= limits.max_inline_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(path, ": ", size, " bytes, must be at most ",
                                                   limits.max_inline_bytes,
                                                   "; upload it with Modules.UploadModule"));
}

absl::Status CheckChunk(const v1::UploadChunk& chunk, const Limits& limits) {
  const int64_t size = static_cast<int64_t>(chunk.data().size());
  if (size > limits.max_chunk_bytes)
    return absl::ResourceExhaustedError(
        absl::StrCat("chunk.data: ", size, " bytes, must be at most ", limits.max_chunk_bytes));
  if (!chunk.has_crc32c()) return absl::OkStatus();
  const uint32_t actual = Crc32c(chunk.data());
  if (actual == chunk.crc32c()) return absl::OkStatus();
  return WithReason(absl::InvalidArgumentError(
                        absl::StrCat("chunk.crc32c: ", chunk.crc32c(), ", the data has ", actual)),
                    "CHUNK_DAMAGED");
}

absl::Status CheckRequestId(const std::string& request_id, const Limits& limits) {
  if (static_cast<int>(request_id.size()) <= limits.max_request_id_bytes) return absl::OkStatus();
  return Refuse("request_id", absl::StrCat(request_id.size(), " bytes, must be at most ",
                                           limits.max_request_id_bytes));
}

absl::Status CheckHeader(const v1::UploadHeader& header, const Limits& limits) {
  if (!IsSha256(header.sha256()))
    return Refuse("header.sha256", "must be 64 lower-case hex digits");
  if (header.size_bytes() <= 0)
    return Refuse("header.size_bytes", absl::StrCat(header.size_bytes(), ", must be > 0"));
  if (header.size_bytes() > limits.max_module_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "header.size_bytes: ", header.size_bytes(), ", must be at most ", limits.max_module_bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> CheckPageSize(int page_size, const Limits& limits) {
  if (page_size == 0) return limits.default_page_size;
  if (page_size < 0 || page_size > limits.max_page_size)
    return Refuse("page_size", absl::StrCat(page_size, ", must be in 1..", limits.max_page_size));
  return page_size;
}

absl::Status CheckJobName(const std::string& name) {
  if (absl::StartsWith(name, "planJobs/") && name.size() > 9 && name.size() < 200)
    return absl::OkStatus();
  return Refuse("name", absl::StrCat("\"", name.substr(0, 100), "\", must be planJobs/{id}"));
}

absl::StatusOr<std::string> ModuleDigest(const std::string& name) {
  absl::string_view digest = name;
  if (absl::ConsumePrefix(&digest, "modules/") && IsSha256(digest)) return std::string(digest);
  return Refuse("name", absl::StrCat("\"", name.substr(0, 100), "\", must be modules/{sha256}"));
}

}  // namespace automap
