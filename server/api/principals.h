// The callers that a server knows, from a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/api/caller.h"
#include "server/api/jwt.h"

namespace automap {

// The file is JSON:
//
//   {"principals": [{"name": "ci", "role": "submitter", "tokenSha256": ["{64 hex}"],
//                    "certificates": ["spiffe://cluster/ci"], "subjects": ["ci@example.org"],
//                    "expires": "2027-01-01T00:00:00Z"}],
//    "jwt": {"issuer": "https://issuer", "audience": "automap", "keysFile": "keys.json"}}
//
// "jwt" is optional; a token that its issuer signed (jwt.h) is the principal's that has its
// subject. `keysFile` is a JWK set, relative to this file. Opaque tokens stand in it as their
// SHA-256 only; several make rotation possible. It is read again within a second of a change, and
// so is the key set; a file that cannot be read then leaves the last good one in force.
// Thread-safe.
class Principals {
 public:
  // INVALID_ARGUMENT with the path of what is wrong.
  static absl::StatusOr<std::shared_ptr<Principals>> Open(const std::string& path);

  // UNAUTHENTICATED when nobody has it or it has expired. Takes the same time for all tokens.
  absl::StatusOr<Caller> FindByToken(absl::string_view token, absl::Time now);
  absl::StatusOr<Caller> FindByCertificate(absl::string_view identity, absl::Time now);

 private:
  struct Principal {
    Caller caller;
    std::vector<std::string> token_digests, certificates, subjects;
    absl::Time expires = absl::InfiniteFuture();
  };
  struct List {
    std::vector<Principal> principals;
    std::shared_ptr<const JwtKeys> keys;  // null: no JWTs
    JwtKeys::Expected expected;
    std::string keys_file;
  };

  explicit Principals(std::string path) : path_(std::move(path)) {}
  static absl::StatusOr<List> Read(const std::string& path);
  static absl::Status ReadKeys(const std::string& path, List& list);
  absl::StatusOr<Caller> FindBySubject(const List& list, absl::string_view token, absl::Time now);
  static int64_t ChangeTimes(const std::string& path, const List& list);
  static absl::StatusOr<Caller> Admit(const Principal* found, absl::Time now);
  std::shared_ptr<const List> Present();

  const std::string path_;
  Mutex mutex_;
  std::shared_ptr<const List> list_ ABSL_GUARDED_BY(mutex_);
  int64_t changed_ ABSL_GUARDED_BY(mutex_) = 0;  // ChangeTimes as of `list_`
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace automap
