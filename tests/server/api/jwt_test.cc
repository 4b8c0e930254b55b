#include "server/api/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/api/principals.h"

namespace automap {
namespace {

std::string Escaped(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

// An issuer with one key of each kind.
class Issuer {
 public:
  Issuer() = default;
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;
  ~Issuer() {
    for (EVP_PKEY* key : {rsa_, ec_, ed_}) EVP_PKEY_free(key);
  }

  std::string KeySet() const {
    return absl::StrCat(R"({"keys": [{"kty": "RSA", "kid": "r", "use": "sig", "n": ")",
                        Number(rsa_, OSSL_PKEY_PARAM_RSA_N), R"(", "e": ")",
                        Number(rsa_, OSSL_PKEY_PARAM_RSA_E),
                        R"("}, {"kty": "EC", "kid": "e", "crv": "P-256", "x": ")",
                        Number(ec_, OSSL_PKEY_PARAM_EC_PUB_X), R"(", "y": ")",
                        Number(ec_, OSSL_PKEY_PARAM_EC_PUB_Y),
                        R"("}, {"kty": "OKP", "kid": "d", "crv": "Ed25519", "x": ")", Raw(),
                        R"("}, {"kty": "oct", "kid": "secret", "k": "AAAA"}]})");
  }

  // `algorithm` says which key signs, `header` what the token says about it.
  std::string Sign(const std::string& algorithm, const std::string& header,
                   const std::string& claims) const {
    const std::string text = absl::StrCat(Escaped(header), ".", Escaped(claims));
    EVP_PKEY* key = algorithm == "RS256" ? rsa_ : algorithm == "ES256" ? ec_ : ed_;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, algorithm == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                       key);
    unsigned char bytes[1024];
    size_t size = sizeof(bytes);
    EVP_DigestSign(context, bytes, &size, reinterpret_cast<const unsigned char*>(text.data()),
                   text.size());
    EVP_MD_CTX_free(context);
    std::string signature(reinterpret_cast<char*>(bytes), size);
    if (algorithm == "ES256") signature = Plain(signature);
    return absl::StrCat(text, ".", Escaped(signature));
  }

 private:
  static std::string Number(EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    const bool is_point = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
    std::string bytes(is_point ? 32 : BN_num_bytes(number), 0);
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(number);
    return Escaped(bytes);
  }
  std::string Raw() const {
    std::string bytes(32, 0);
    size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(ed_, reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return Escaped(bytes);
  }
  static std::string Plain(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string plain(64, 0);
    auto* to = reinterpret_cast<unsigned char*>(plain.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + 32, 32);
    ECDSA_SIG_free(pair);
    return plain;
  }

  EVP_PKEY* const rsa_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048});
  EVP_PKEY* const ec_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "prime256v1");
  EVP_PKEY* const ed_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
};

constexpr char kClaims[] =
    R"({"iss": "https://issuer", "aud": ["other", "automap"], "sub": "ann", "exp": 2000000000})";
const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

class JwtTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> Subject(const std::string& token, absl::Time now = kNow) {
    const auto keys = JwtKeys::Parse(issuer_.KeySet());
    EXPECT_TRUE(keys.ok()) << keys.status();
    return (*keys)->SubjectOf(token, {"https://issuer", "automap"}, now);
  }
  std::string Claiming(const std::string& claims) {
    return issuer_.Sign("ES256", R"({"alg": "ES256", "kid": "e"})", claims);
  }

  const Issuer issuer_;
};

TEST_F(JwtTest, EveryKindOfKeySigns) {
  const std::pair<const char*, const char*> kinds[] = {
      {"RS256", "r"}, {"ES256", "e"}, {"EdDSA", "d"}};
  for (const auto& [algorithm, id] : kinds) {
    const std::string named =
        absl::StrCat(R"({"alg": ")", algorithm, R"(", "kid": ")", id, R"("})");
    const std::string nameless = absl::StrCat(R"({"alg": ")", algorithm, R"("})");
    for (const std::string& header : {named, nameless}) {
      const auto subject = Subject(issuer_.Sign(algorithm, header, kClaims));
      ASSERT_TRUE(subject.ok()) << algorithm << ": " << subject.status();
      EXPECT_EQ(*subject, "ann");
    }
  }
}

TEST_F(JwtTest, ChangedAndUnsignedTokensAreRefused) {
  const std::string token = Claiming(kClaims);
  for (size_t at = 0; at < token.size() - 1; ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Subject(changed).ok() && changed != token) << at;
  }
  const std::string body = Escaped(kClaims);
  for (const char* header : {R"({"alg": "none"})", R"({"alg": "HS256", "kid": "r"})",
                             R"({"alg": "ES256", "kid": "nobody"})", R"({})", "x"}) {
    EXPECT_FALSE(Subject(absl::StrCat(Escaped(header), ".", body, ".")).ok()) << header;
    EXPECT_FALSE(Subject(issuer_.Sign("RS256", header, kClaims)).ok()) << header;
  }
  EXPECT_FALSE(Subject(Issuer().Sign("ES256", R"({"alg": "ES256"})", kClaims)).ok())
      << "another's key";
  for (const char* text : {"", ".", "..", "a.b.c", "a.b.c.d"}) EXPECT_FALSE(Subject(text).ok());
  EXPECT_FALSE(Subject(std::string(100'000, 'a') + ".b.c").ok());
}

TEST_F(JwtTest, OtherIssuersAudiencesAndTimesAreRefused) {
  for (
      const char* claims :
      {R"({"iss": "https://other", "aud": "automap", "sub": "ann", "exp": 2000000000})",
       R"({"iss": "https://issuer", "aud": "other", "sub": "ann", "exp": 2000000000})",
       R"({"iss": "https://issuer", "sub": "ann", "exp": 2000000000})",
       R"({"iss": "https://issuer", "aud": "automap", "exp": 2000000000})",
       R"({"iss": "https://issuer", "aud": "automap", "sub": "ann"})",
       R"({"iss": "https://issuer", "aud": "automap", "sub": "ann", "exp": "soon"})",
       R"({"iss": "https://issuer", "aud": "automap", "sub": "ann", "exp": 2000000000, "nbf": 1950000000})",
       R"([1])"})
    EXPECT_FALSE(Subject(Claiming(claims)).ok()) << claims;
  EXPECT_TRUE(Subject(Claiming(kClaims), absl::FromUnixSeconds(2'000'000'020)).ok()) << "leeway";
  EXPECT_FALSE(Subject(Claiming(kClaims), absl::FromUnixSeconds(2'000'000'040)).ok());
}

TEST_F(JwtTest, UnusableKeySetsAreRefused) {
  for (const char* text :
       {"", "[]", R"({"keys": []})", R"({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})",
        R"({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]})",
        R"({"keys": [{"kty": "oct", "k": "AAAA"}]})"})
    EXPECT_FALSE(JwtKeys::Parse(text).ok()) << text;
}

TEST_F(JwtTest, TheSubjectSaysWhichPrincipalItIs) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / absl::StrCat("automap-jwt-", getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "keys.json") << issuer_.KeySet();
  std::ofstream(folder / "principals.json")
      << R"({"principals": [{"name": "Ann", "role": "submitter", "subjects": ["ann"]}],
             "jwt": {"issuer": "https://issuer", "audience": "automap", "keysFile": "keys.json"}})";
  const auto principals = Principals::Open((folder / "principals.json").string());
  ASSERT_TRUE(principals.ok()) << principals.status();
  const auto caller = (*principals)->FindByToken(Claiming(kClaims), kNow);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->name, "Ann");
  EXPECT_EQ(caller->role, Role::kSubmitter);
  const std::string stranger =
      R"({"iss": "https://issuer", "aud": "automap", "sub": "bob", "exp": 2000000000})";
  EXPECT_FALSE((*principals)->FindByToken(Claiming(stranger), kNow).ok());
  std::ofstream(folder / "keys.json") << Issuer().KeySet();
  bool is_refused = false;
  for (int i = 0; i < 100 && !is_refused; ++i) {
    is_refused = !(*principals)->FindByToken(Claiming(kClaims), kNow).ok();
    if (!is_refused) absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_TRUE(is_refused) << "the keys were replaced";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace automap
