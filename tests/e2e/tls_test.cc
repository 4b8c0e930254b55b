// Certificates: whose calls are taken, which connections are not, and how they are replaced.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/measured.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

// Certificates by the openssl program, in the test's folder; those of the server lie behind a link,
// which is how Kubernetes replaces several files at once.
class TlsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    Authority("ca");
    Authority("other-ca");
    Certificate("server", "ca", "DNS:localhost,IP:127.0.0.1");
    Certificate("client", "ca", "URI:spiffe://test/ann");
    std::ofstream(File("principals.json")) << R"({"principals": [{"name": "ann", "role":
      "submitter", "certificates": ["spiffe://test/ann"]}]})";
    Show("ca");
    SpawnServer(
        {"--principals=" + File("principals.json"), "--tls-certificate=" + File("shown/tls.crt"),
         "--tls-key=" + File("shown/tls.key"), "--tls-client-ca=" + File("shown/ca.crt")},
        {});
    ASSERT_TRUE(WaitUntilServing());
  }

  std::string File(const std::string& name) { return (folder_ / name).string(); }
  void Run(const std::string& command) {
    const std::string line =
        absl::StrCat("(cd ", folder_.string(), " && ", command, ") >/dev/null 2>&1");
    ASSERT_EQ(std::system(line.c_str()), 0) << command;
  }
  void Authority(const std::string& name) {
    Run(absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=",
        name, " -keyout ", name, ".key -out ", name, ".crt"));
  }
  // `days` from now; below 0 it has expired.
  void Certificate(const std::string& name, const std::string& ca, const std::string& names,
                   int days = 30) {
    std::ofstream(File(name + ".ext")) << "subjectAltName=" << names << "\n";
    Run(absl::StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=",
                     name, " -keyout ", name, ".key -out ", name, ".csr && openssl x509 -req -in ",
                     name, ".csr -CA ", ca, ".crt -CAkey ", ca, ".key -CAcreateserial -days ", days,
                     " -extfile ", name, ".ext -out ", name, ".crt"));
  }
  // The server's certificate, and the authority that its callers' must have, are from now on
  // server.* and this one.
  void Show(const std::string& ca) {
    const std::string next = absl::StrCat("shown-", ++shown_);
    Run(absl::StrCat("mkdir ", next, " && cp server.crt ", next, "/tls.crt && cp server.key ", next,
                     "/tls.key && cp ", ca, ".crt ", next, "/ca.crt && ln -s ", next,
                     " shown.new && mv -T shown.new shown"));
  }
  std::string Read(const std::string& name) {
    std::stringstream bytes;
    bytes << std::ifstream(File(name)).rdbuf();
    return bytes.str();
  }
  // On a connection of its own, as the client of this certificate that trusts this authority and
  // asks for the server of this name.
  grpc::Status CreateWith(const std::string& client, const std::string& ca,
                          const std::string& server = "localhost") {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Read(ca + ".crt");
    if (!client.empty()) {
      options.pem_cert_chain = Read(client + ".crt");
      options.pem_private_key = Read(client + ".key");
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride(server);
    const auto stub = v1::Planner::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("localhost:", port_), grpc::SslCredentials(options), arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec("ok");
    v1::PlanJob job;
    const grpc::Status status = stub->CreatePlanJob(&context, request, &job);
    EXPECT_TRUE(!status.ok() || job.caller() == "ann");
    return status;
  }

  // Whether the server takes the client's certificate in this version of TLS, whatever the client's
  // library thinks of it.
  bool ShakesHands(int version) {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    EXPECT_EQ(
        SSL_CTX_use_certificate_file(context.get(), File("client.crt").c_str(), SSL_FILETYPE_PEM),
        1);
    EXPECT_EQ(
        SSL_CTX_use_PrivateKey_file(context.get(), File("client.key").c_str(), SSL_FILETYPE_PEM),
        1);
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
    constexpr unsigned char kAlpn[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl.get(), kAlpn, sizeof(kAlpn));
    const int fd = ConnectFrom("127.0.0.1");
    SSL_set_fd(ssl.get(), fd);
    const bool shakes = SSL_connect(ssl.get()) == 1;
    close(fd);
    return shakes;
  }

  // "127.0.0.N": all of 127 is this machine.
  int ConnectFrom(const char* host) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in own = {}, address = {};
    own.sin_family = address.sin_family = AF_INET;
    inet_pton(AF_INET, host, &own.sin_addr);
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof(own));
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  int shown_ = 0;
};

TEST_F(TlsTest, TheCertificateSaysWhoCalls) {
  Certificate("stranger", "other-ca", "URI:spiffe://test/ann");
  Certificate("expired", "ca", "URI:spiffe://test/ann", -1);
  Certificate("unknown", "ca", "URI:spiffe://test/nobody");
  const grpc::Status status = CreateWith("client", "ca");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(CreateWith("", "ca").ok()) << "without one";
  EXPECT_FALSE(CreateWith("stranger", "ca").ok()) << "of another authority";
  EXPECT_FALSE(CreateWith("expired", "ca").ok());
  EXPECT_EQ(CreateWith("unknown", "ca").error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(TlsTest, TheServerIsWhoItsCertificateSays) {
  EXPECT_FALSE(CreateWith("client", "other-ca").ok()) << "the client knows another authority";
  EXPECT_FALSE(CreateWith("client", "ca", "elsewhere").ok()) << "the client asks for another name";
}

TEST_F(TlsTest, OldVersionsAreRefused) {
  EXPECT_TRUE(ShakesHands(TLS1_3_VERSION));
  EXPECT_TRUE(ShakesHands(TLS1_2_VERSION));
  EXPECT_FALSE(ShakesHands(TLS1_1_VERSION));
  EXPECT_FALSE(ShakesHands(TLS1_VERSION));
}

TEST_F(TlsTest, TheCommandLineHasACertificate) {
  Certificate("stranger", "other-ca", "URI:spiffe://test/ann");
  const std::string ca = "--tls-ca " + File("ca.crt");
  const auto own = [this](const std::string& name) {
    return absl::StrCat(" --tls-certificate ", File(name + ".crt"), " --tls-key ",
                        File(name + ".key"));
  };
  EXPECT_EQ(AutomapJobs(port_, ca + own("client")), 0);
  EXPECT_NE(AutomapJobs(port_, ca + own("stranger")), 0);
  EXPECT_NE(AutomapJobs(port_, "--tls-ca " + File("other-ca.crt") + own("client")), 0);
  EXPECT_NE(AutomapJobs(port_, ca), 0);
  EXPECT_EQ(AutomapJobs(port_, ca + " --tls-certificate /nothing --tls-key /nothing"), 3);
}

// Connections that never say a word of TLS hold nobody up, and are closed after ten seconds.
TEST_F(TlsTest, HalfOpenConnectionsHurtNobody) {
  std::vector<int> sockets;
  for (int i = 0; i < Times(300, 1000); ++i) {
    sockets.push_back(ConnectFrom("127.0.0.9"));
    if (i % 2 == 0) send(sockets.back(), "\x16\x03\x01", 3, 0);  // a beginning
  }
  const absl::Time begin = absl::Now();
  const grpc::Status status = CreateWith("client", "ca");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  const timeval limit = {Times(0, 30), 1};  // gRPC gives up on a handshake after ten seconds
  setsockopt(sockets.back(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char byte = 0;
  EXPECT_EQ(recv(sockets.back(), &byte, 1, 0), Times(-1, 0)) << "closed by the server, later";
  for (const int fd : sockets) close(fd);
}

// While others call, each on a connection of its own: they trust the old and the new one.
TEST_F(TlsTest, CertificatesAreReplacedWithoutARestartAndNoCallFails) {
  Authority("new-ca");
  Run("cat new-ca.crt ca.crt > both.crt");
  std::atomic<bool> ends = false;
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (; !ends && !HasFailure(); ++calls) {
        const grpc::Status status = CreateWith("client", "both");
        EXPECT_TRUE(status.ok()) << status.error_message();
      }
    });
  }
  const absl::Time begin = absl::Now();
  Certificate("server", "new-ca", "DNS:localhost,IP:127.0.0.1");
  Show("both");
  bool ok = false;
  while (!ok && absl::Now() < begin + absl::Seconds(60)) ok = CreateWith("client", "new-ca").ok();
  const absl::Duration time = absl::Now() - begin;
  absl::SleepFor(absl::Seconds(1));
  ends = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(ok) << "the server shows its new certificate within a minute";
  EXPECT_GT(calls, 0);
  Measured("S7: until a new certificate is shown; calls meanwhile, each on a new connection",
           "60 s, none fails", absl::StrCat(absl::ToInt64Seconds(time), " s; ", calls.load()));
}

}  // namespace
}  // namespace automap
