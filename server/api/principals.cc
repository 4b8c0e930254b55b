#include "server/api/principals.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

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

absl::Status Principals::ReadKeys(const std::string& path, List& list) {
  if (list.expected.issuer.empty()) return Wrong(absl::StrCat(path, ": jwt.issuer"), "missing");
  if (list.expected.audience.empty()) return Wrong(absl::StrCat(path, ": jwt.audience"), "missing");
  list.keys_file = (std::filesystem::path(path).parent_path() / list.keys_file).string();
  std::ifstream file(list.keys_file);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Wrong(list.keys_file, "cannot be read");
  auto keys = JwtKeys::Parse(text.str());
  if (!keys.ok()) return Wrong(list.keys_file, keys.status().message());
  list.keys = *std::move(keys);
  return absl::OkStatus();
}

absl::StatusOr<Principals::List> Principals::Read(const std::string& path) {
  std::ifstream file(path);
  const json document = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("principals") ||
      !document["principals"].is_array())
    return Wrong(path, "must be JSON with a list \"principals\"");
  List list;
  try {
    for (const json& item : document["principals"]) {
      const std::string at = absl::StrCat(path, ": principals[", list.principals.size(), "]");
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
      principal.subjects = item.value("subjects", std::vector<std::string>());
      std::string error;
      if (item.contains("expires") &&
          !absl::ParseTime(absl::RFC3339_full, item.value("expires", ""), &principal.expires,
                           &error))
        return Wrong(absl::StrCat(at, ".expires"), error);
      list.principals.push_back(std::move(principal));
    }
    if (document.contains("jwt")) {
      const json& jwt = document["jwt"];
      list.expected = {jwt.value("issuer", ""), jwt.value("audience", "")};
      list.keys_file = jwt.value("keysFile", "");
      RETURN_IF_ERROR(ReadKeys(path, list));
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
  principals->changed_ = ChangeTimes(path, list);
  principals->list_ = std::make_shared<const List>(std::move(list));
  return principals;
}

std::shared_ptr<const Principals::List> Principals::Present() {
  MutexLock lock(mutex_);
  if (SteadyNow() - looked_ < absl::Seconds(1)) return list_;
  looked_ = SteadyNow();
  if (ChangeTimes(path_, *list_) != changed_) {
    if (auto list = Read(path_); list.ok()) {
      changed_ = ChangeTimes(path_, *list);
      list_ = std::make_shared<const List>(*std::move(list));
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

// Changes whenever one of the files does.
int64_t Principals::ChangeTimes(const std::string& path, const List& list) {
  return ChangeTime(path) + (list.keys_file.empty() ? 0 : 3 * ChangeTime(list.keys_file));
}

absl::StatusOr<Caller> Principals::FindBySubject(const List& list, absl::string_view token,
                                                 absl::Time now) {
  ASSIGN_OR_RETURN(const std::string subject, list.keys->SubjectOf(token, list.expected, now));
  const Principal* found = nullptr;
  for (const Principal& principal : list.principals) {
    if (std::find(principal.subjects.begin(), principal.subjects.end(), subject) !=
        principal.subjects.end())
      found = &principal;
  }
  return Admit(found, now);
}

absl::StatusOr<Caller> Principals::FindByToken(absl::string_view token, absl::Time now) {
  const std::string digest = Sha256Hex(token);
  const auto list = Present();
  if (list->keys != nullptr && IsJwt(token)) return FindBySubject(*list, token, now);
  const Principal* found = nullptr;
  for (const Principal& principal : list->principals) {
    for (const std::string& known : principal.token_digests) {
      if (CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0) found = &principal;
    }
  }
  return Admit(found, now);
}

absl::StatusOr<Caller> Principals::FindByCertificate(absl::string_view identity, absl::Time now) {
  const auto list = Present();
  const Principal* found = nullptr;
  for (const Principal& principal : list->principals) {
    if (std::find(principal.certificates.begin(), principal.certificates.end(), identity) !=
        principal.certificates.end())
      found = &principal;
  }
  return Admit(found, now);
}

}  // namespace automap
