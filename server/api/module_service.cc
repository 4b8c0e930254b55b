#include "server/api/module_service.h"

#include "absl/strings/str_cat.h"
#include "base/gzip.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "server/api/validate.h"
#include "server/blobs/content_digest.h"

namespace automap {
namespace {

constexpr size_t kRememberedDigests = 10'000;

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore::Upload>> ModuleService::BeginUpload(
    const v1::UploadHeader& header, const Caller& caller) {
  RETURN_IF_ERROR(CheckHeader(header, limits_));
  return blobs_.Begin(header.sha256(), header.size_bytes(), caller.name);
}

absl::StatusOr<v1::QueryUploadResponse> ModuleService::QueryUpload(
    const v1::QueryUploadRequest& request, const Caller& caller) {
  if (!IsSha256(request.sha256()))
    return absl::InvalidArgumentError("sha256: must be 64 lower-case hex digits");
  v1::QueryUploadResponse response;
  if (const auto module = blobs_.Get(request.sha256()); module.ok()) {
    response.set_complete(true);
    response.set_committed_size(module->size_bytes());
  } else {
    response.set_committed_size(blobs_.PartialSize(request.sha256(), caller.name));
  }
  return response;
}

absl::StatusOr<v1::Module> ModuleService::Create(const v1::CreateModuleRequest& request,
                                                 const Caller& caller) {
  const std::string& bytes = request.has_hlo() ? request.hlo() : request.hlo_text();
  if (bytes.empty())
    return absl::InvalidArgumentError("body: missing, must be hlo_text or hlo, not empty");
  RETURN_IF_ERROR(CheckInlineSize("body", static_cast<int64_t>(bytes.size()), limits_));
  return blobs_.Add(bytes, caller.name);
}

absl::StatusOr<v1::FindMissingModulesResponse> ModuleService::FindMissing(
    const v1::FindMissingModulesRequest& request) {
  if (request.sha256_size() > limits_.max_digests)
    return absl::InvalidArgumentError(absl::StrCat(
        "sha256: ", request.sha256_size(), " of them, must be at most ", limits_.max_digests));
  v1::FindMissingModulesResponse response;
  for (int i = 0; i < request.sha256_size(); ++i) {
    if (!IsSha256(request.sha256(i)))
      return absl::InvalidArgumentError(
          absl::StrCat("sha256[", i, "]: must be 64 lower-case hex digits"));
    if (!blobs_.Get(request.sha256(i)).ok()) response.add_missing_sha256(request.sha256(i));
  }
  return response;
}

absl::StatusOr<v1::Module> ModuleService::Get(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(name));
  return blobs_.Get(digest);
}

absl::StatusOr<v1::ListModulesResponse> ModuleService::List(const v1::ListModulesRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, CheckPageSize(request.page_size(), limits_));
  if (!request.page_token().empty() && !IsSha256(request.page_token()))
    return absl::InvalidArgumentError("page_token: not one of this server's");
  v1::ListModulesResponse response;
  for (v1::Module& module : blobs_.List(request.page_token(), page_size + 1)) {
    if (response.modules_size() == page_size) {
      response.set_next_page_token(response.modules(page_size - 1).sha256());
      break;
    }
    *response.add_modules() = std::move(module);
  }
  return response;
}

absl::Status ModuleService::Delete(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(name));
  ASSIGN_OR_RETURN(const std::optional<std::string> user, store_.FindUserOf(name));
  if (user.has_value())
    return WithReason(absl::FailedPreconditionError(absl::StrCat(name, ": is needed by ", *user)),
                      "MODULE_IN_USE");
  return blobs_.Delete(digest);
}

absl::StatusOr<std::string> ModuleService::ReadModuleOf(const v1::PlanSpec& spec) {
  if (spec.has_inline_hlo()) return spec.inline_hlo();
  if (spec.has_inline_hlo_text()) return spec.inline_hlo_text();
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(spec.module_name()));
  return blobs_.Read(digest);
}

absl::StatusOr<std::string> ModuleService::ContentDigestOf(const v1::PlanSpec& spec) {
  if (!spec.has_module_name()) {
    ASSIGN_OR_RETURN(const std::string bytes, ReadModuleOf(spec));
    return ContentDigest(bytes, limits_.max_module_bytes);
  }
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(spec.module_name()));
  const auto missing = [&](const absl::Status& status) {
    if (status.code() != absl::StatusCode::kNotFound) return status;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("spec.module_name: ", spec.module_name(),
                                                   " is not here; upload it with "
                                                   "Modules.UploadModule")),
        "MODULE_MISSING");
  };
  if (const auto module = blobs_.Get(digest); !module.ok()) return missing(module.status());
  {
    MutexLock lock(mutex_);
    if (const auto known = content_digests_.find(digest); known != content_digests_.end())
      return known->second;
  }
  const auto bytes = blobs_.Read(digest);
  if (!bytes.ok()) return missing(bytes.status());
  // What Read has found right has the digest that it is named by.
  const std::string content =
      IsGzip(*bytes) ? ContentDigest(*bytes, limits_.max_module_bytes) : digest;
  MutexLock lock(mutex_);
  if (content_digests_.size() >= kRememberedDigests) content_digests_.clear();
  content_digests_[digest] = content;
  return content;
}

}  // namespace automap
