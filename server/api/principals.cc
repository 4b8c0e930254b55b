#include "server/api/principals.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "nlohmann/json.hpp"
#include "server/blobs/blob_store.h"

namespace automap {
namespace {

using nlohmann::json;

absl::Status Wrong(absl::string_view path, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", text));
}

absl::StatusOr<Role> ParseRole(const std::string& text, const std::string& path) {
  if (text == "viewer") return Role::kViewer;
  if (text == "submitter") return Role::kSubmitter;
  if (text == "operator") return Role::kOperator;
  return Wrong(path, absl::StrCat("\"", text, "\", must be viewer, submitter or operator"));
}

int64_t ChangeTime(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return 0;
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

absl::StatusOr<Principals::List> Principals::Read(const std::string& path) {
  std::ifstream file(path);
  const json document = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("principals") ||
      !document["principals"].is_array())
    return Wrong(path, "must be JSON with a list \"principals\"");
  List list;
  try {
    for (const json& item : document["principals"]) {
      const std::string at = absl::StrCat(path, ": principals[", list.size(), "]");
      Principal principal;
      principal.caller.name = item.value("name", "");
      if (principal.caller.name.empty()) return Wrong(absl::StrCat(at, ".name"), "missing");
      ASSIGN_OR_RETURN(principal.caller.role,
                       ParseRole(item.value("role", ""), absl::StrCat(at, ".role")));
      principal.token_digests = item.value("tokenSha256", std::vector<std::string>());
      for (const std::string& digest : principal.token_digests) {
        if (!IsSha256(digest))
          return Wrong(absl::StrCat(at, ".tokenSha256"), "must be 64 lower-case hex digits each");
      }
      principal.certificates = item.value("certificates", std::vector<std::string>());
      std::string error;
      if (item.contains("expires") &&
          !absl::ParseTime(absl::RFC3339_full, item.value("expires", ""), &principal.expires,
                           &error))
        return Wrong(absl::StrCat(at, ".expires"), error);
      list.push_back(std::move(principal));
    }
  } catch (const json::exception& error) {
    return Wrong(path, error.what());
  }
  return list;
}

absl::StatusOr<std::shared_ptr<Principals>> Principals::Open(const std::string& path) {
  ASSIGN_OR_RETURN(List list, Read(path));
  std::shared_ptr<Principals> principals(new Principals(path));
  MutexLock lock(principals->mutex_);
  principals->list_ = std::make_shared<const List>(std::move(list));
  principals->changed_ = ChangeTime(path);
  return principals;
}

std::shared_ptr<const Principals::List> Principals::Present() {
  MutexLock lock(mutex_);
  if (SteadyNow() - looked_ < absl::Seconds(1)) return list_;
  looked_ = SteadyNow();
  if (const int64_t changed = ChangeTime(path_); changed != changed_) {
    if (auto list = Read(path_); list.ok()) {
      list_ = std::make_shared<const List>(*std::move(list));
      changed_ = changed;
    }
  }
  return list_;
}

absl::StatusOr<Caller> Principals::Admit(const Principal* found, absl::Time now) {
  if (found == nullptr) return absl::UnauthenticatedError("authorization: not known here");
  if (found->expires <= now)
    return WithReason(absl::UnauthenticatedError("authorization: has expired"), "TOKEN_EXPIRED");
  return found->caller;
}

absl::StatusOr<Caller> Principals::FindByToken(absl::string_view token, absl::Time now) {
  const std::string digest = Sha256Hex(token);
  const auto list = Present();
  const Principal* found = nullptr;
  for (const Principal& principal : *list) {
    for (const std::string& known : principal.token_digests) {
      if (CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0) found = &principal;
    }
  }
  return Admit(found, now);
}

absl::StatusOr<Caller> Principals::FindByCertificate(absl::string_view identity, absl::Time now) {
  const auto list = Present();
  const Principal* found = nullptr;
  for (const Principal& principal : *list) {
    if (std::find(principal.certificates.begin(), principal.certificates.end(), identity) !=
        principal.certificates.end())
      found = &principal;
  }
  return Admit(found, now);
}

}  // namespace automap
