// Signed tokens (RFC 7519) of an issuer whose public keys are known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "openssl/evp.h"

namespace automap {

// Public keys as a JWK set (RFC 7517): RSA of at least 2048 bits for RS256, P-256 for ES256,
// Ed25519 for EdDSA. Immutable.
class JwtKeys {
 public:
  // INVALID_ARGUMENT with the path of what is wrong. Keys of other kinds or uses are passed over.
  static absl::StatusOr<std::shared_ptr<const JwtKeys>> Parse(absl::string_view jwk_set);

  struct Expected {
    std::string issuer, audience;
  };
  // The token's subject. UNAUTHENTICATED unless one of the keys signed it in that key's own way, it
  // is of this issuer for this audience, and `now` lies in its time, which must have an end. Half a
  // minute is allowed between clocks. Errors say nothing of the token's content.
  absl::StatusOr<std::string> SubjectOf(absl::string_view token, const Expected& expected,
                                        absl::Time now) const;

 private:
  using Handle = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  struct Key {
    std::string id, algorithm;
    Handle handle;
  };

  bool IsSigned(const std::string& algorithm, const std::string& id, absl::string_view text,
                const std::string& signature) const;

  std::vector<Key> keys_;
};

// Whether a bearer token looks like a JWT: three parts with dots between.
bool IsJwt(absl::string_view token);

}  // namespace automap
