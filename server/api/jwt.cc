#include "server/api/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace automap {
namespace {

using nlohmann::json;

constexpr size_t kMaxTokenBytes = 8192;
constexpr absl::Duration kLeeway = absl::Seconds(30);
constexpr int kLeastRsaBits = 2048;
constexpr size_t kPointBytes = 32;  // a coordinate of P-256

const unsigned char* Data(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// A member that must be text; empty when it is not.
std::string Text(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::string Unescaped(const json& object, const char* name) {
  std::string bytes;
  return absl::WebSafeBase64Unescape(Text(object, name), &bytes) ? bytes : std::string();
}

EVP_PKEY* FromParameters(const char* kind, OSSL_PARAM_BLD* builder) {
  EVP_PKEY* key = nullptr;
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr);
  if (EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    key = nullptr;
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  return key;
}

EVP_PKEY* RsaKey(const std::string& n, const std::string& e) {
  if (n.empty() || e.empty()) return nullptr;
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
      OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> modulus(
      BN_bin2bn(Data(n), static_cast<int>(n.size()), nullptr), BN_free),
      exponent(BN_bin2bn(Data(e), static_cast<int>(e.size()), nullptr), BN_free);
  if (BN_num_bits(modulus.get()) < kLeastRsaBits) return nullptr;
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return FromParameters("RSA", builder.get());
}

EVP_PKEY* EllipticKey(const std::string& x, const std::string& y) {
  if (x.size() != kPointBytes || y.size() != kPointBytes) return nullptr;
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
      OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  const std::string point = absl::StrCat("\x04", x, y);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return FromParameters("EC", builder.get());
}

// RFC 7518 writes r and s one after the other, OpenSSL wants them as DER.
std::string ToDer(const std::string& signature) {
  if (signature.size() != 2 * kPointBytes) return "";
  ECDSA_SIG* pair = ECDSA_SIG_new();
  ECDSA_SIG_set0(pair, BN_bin2bn(Data(signature), kPointBytes, nullptr),
                 BN_bin2bn(Data(signature) + kPointBytes, kPointBytes, nullptr));
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair, &bytes);
  ECDSA_SIG_free(pair);
  const std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(std::max(size, 0)));
  OPENSSL_free(bytes);
  return der;
}

absl::Status No(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("authorization: the token ", why));
}

bool IsFor(const json& claims, const std::string& audience) {
  const auto member = claims.find("aud");
  if (member == claims.end()) return false;
  return member->is_array() ? std::find(member->begin(), member->end(), audience) != member->end()
                            : *member == audience;
}

absl::StatusOr<absl::Time> TimeOf(const json& claims, const char* name, absl::Time otherwise) {
  const auto member = claims.find(name);
  if (member == claims.end()) return otherwise;
  if (!member->is_number()) return No("has a time that is no number");
  return absl::UnixEpoch() + absl::Seconds(member->get<double>());
}

absl::Status CheckTime(const json& claims, absl::Time now) {
  if (!claims.contains("exp")) return No("has no end");
  ASSIGN_OR_RETURN(const absl::Time end, TimeOf(claims, "exp", absl::InfinitePast()));
  ASSIGN_OR_RETURN(const absl::Time begin, TimeOf(claims, "nbf", absl::InfinitePast()));
  if (now >= end + kLeeway) return WithReason(No("has expired"), "TOKEN_EXPIRED");
  return now < begin - kLeeway ? No("is not valid yet") : absl::OkStatus();
}

}  // namespace

bool IsJwt(absl::string_view token) { return std::count(token.begin(), token.end(), '.') == 2; }

absl::StatusOr<std::shared_ptr<const JwtKeys>> JwtKeys::Parse(absl::string_view jwk_set) {
  const json document =
      json::parse(jwk_set.begin(), jwk_set.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array())
    return absl::InvalidArgumentError("must be JSON with a list \"keys\"");
  auto keys = std::make_shared<JwtKeys>();
  for (size_t i = 0; i < document["keys"].size(); ++i) {
    const json& item = document["keys"][i];
    if (!item.is_object()) continue;
    const std::string kind = Text(item, "kty"), curve = Text(item, "crv"), use = Text(item, "use");
    Key key = {Text(item, "kid"), "", Handle(nullptr, EVP_PKEY_free)};
    const std::string x = Unescaped(item, "x");
    if (kind == "RSA") {
      key.algorithm = "RS256";
      key.handle.reset(RsaKey(Unescaped(item, "n"), Unescaped(item, "e")));
    } else if (kind == "EC" && curve == "P-256") {
      key.algorithm = "ES256";
      key.handle.reset(EllipticKey(x, Unescaped(item, "y")));
    } else if (kind == "OKP" && curve == "Ed25519") {
      key.algorithm = "EdDSA";
      key.handle.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Data(x), x.size()));
    }
    if (key.algorithm.empty() || (!use.empty() && use != "sig")) continue;
    if (key.handle == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("keys[", i, "]: no usable ", kind, " key"));
    keys->keys_.push_back(std::move(key));
  }
  if (keys->keys_.empty()) return absl::InvalidArgumentError("keys: none that can sign");
  return std::shared_ptr<const JwtKeys>(std::move(keys));
}

// A key verifies in its own way only, whatever the token says: else "none", or an RSA key taken as
// a shared secret, would do.
bool JwtKeys::IsSigned(const std::string& algorithm, const std::string& id, absl::string_view text,
                       const std::string& signature) const {
  for (const Key& key : keys_) {
    if (key.algorithm != algorithm || (!id.empty() && key.id != id)) continue;
    const std::string bytes = algorithm == "ES256" ? ToDer(signature) : signature;
    const EVP_MD* digest = algorithm == "EdDSA" ? nullptr : EVP_sha256();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    if (!bytes.empty() &&
        EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.handle.get()) == 1 &&
        EVP_DigestVerify(context.get(), Data(bytes), bytes.size(), Data(text), text.size()) == 1)
      return true;
  }
  return false;
}

absl::StatusOr<std::string> JwtKeys::SubjectOf(absl::string_view token, const Expected& expected,
                                               absl::Time now) const {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string head, body, signature;
  if (token.size() > kMaxTokenBytes || parts.size() != 3 ||
      !absl::WebSafeBase64Unescape(parts[0], &head) ||
      !absl::WebSafeBase64Unescape(parts[1], &body) ||
      !absl::WebSafeBase64Unescape(parts[2], &signature))
    return No("is not one");
  const json header = json::parse(head, nullptr, false), claims = json::parse(body, nullptr, false);
  if (!header.is_object() || !claims.is_object() || header.contains("crit"))
    return No("is not one");
  const absl::string_view text = token.substr(0, token.rfind('.'));
  if (!IsSigned(Text(header, "alg"), Text(header, "kid"), text, signature))
    return No("is signed by nobody known here");
  if (Text(claims, "iss") != expected.issuer || !IsFor(claims, expected.audience))
    return No("is of another issuer or for another audience");
  RETURN_IF_ERROR(CheckTime(claims, now));
  std::string subject = Text(claims, "sub");
  if (subject.empty()) return No("has no subject");
  return subject;
}

}  // namespace automap
