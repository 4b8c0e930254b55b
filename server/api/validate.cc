#include "server/api/validate.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/blobs/blob_store.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

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
  if (size > limits.max_inline_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("spec.inline_hlo: ", size, " bytes, must be at most ", limits.max_inline_bytes,
                     "; upload it with Modules.UploadModule"));
  }
  return absl::OkStatus();
}

absl::Status CheckPlanOptions(const v1::PlanOptions& options) {
  const std::string& strategy = options.strategy();
  if (strategy == "pp" || strategy == "hybrid")
    return absl::UnimplementedError(absl::StrCat("spec.options.strategy: \"", strategy,
                                                 "\" is not built yet; use auto, opp or adp"));
  if (!strategy.empty() && strategy != "auto" && strategy != "opp" && strategy != "adp")
    return Refuse("spec.options.strategy",
                  absl::StrCat("\"", strategy, "\", must be auto, adp, opp, pp or hybrid"));
  if (!options.preset().empty() && options.preset() != "default" && options.preset() != "paper")
    return Refuse("spec.options.preset",
                  absl::StrCat("\"", options.preset(), "\", must be default or paper"));
  if (options.axis_size() < 0)
    return Refuse("spec.options.axis_size", absl::StrCat(options.axis_size(), ", must be >= 0"));
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

absl::Status CheckOptions(const v1::JobOptions& options, const Limits& limits) {
  if (options.has_run_timeout() &&
      google::protobuf::util::TimeUtil::DurationToNanoseconds(options.run_timeout()) <= 0)
    return Refuse("options.run_timeout", "must be > 0");
  if (options.labels_size() > limits.max_labels)
    return Refuse("options.labels", absl::StrCat(options.labels_size(),
                                                 " of them, must be at most ", limits.max_labels));
  for (const auto& [key, value] : options.labels()) {
    if (static_cast<int>(key.size() + value.size()) > limits.max_label_bytes)
      return Refuse("options.labels",
                    absl::StrCat("one of more than ", limits.max_label_bytes, " bytes"));
  }
  return absl::OkStatus();
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
