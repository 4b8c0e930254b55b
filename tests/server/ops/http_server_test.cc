// The operators' side beside clients that mean harm, and beside a store that does not answer.
#include "server/ops/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Start([] { return std::string("a 1\n"); });
  }
  void TearDown() override {
    for (const int fd : sockets_) close(fd);
  }

  void Start(std::function<std::string()> metrics) {
    server_.reset();
    auto server =
        HttpServer::Start("127.0.0.1:0", {std::move(metrics), [this] { return is_ready_.load(); }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // A connection that has sent this.
  int Connect(const std::string& sent) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(send(fd, sent.data(), sent.size(), MSG_NOSIGNAL), static_cast<ssize_t>(sent.size()));
    sockets_.push_back(fd);
    return fd;
  }

  static std::string ReadAll(int fd) {
    std::string all;
    char bytes[4096];
    ssize_t count = 0;
    while ((count = recv(fd, bytes, sizeof(bytes), 0)) > 0) all.append(bytes, count);
    return all;
  }

  std::string Get(const std::string& path) {
    return ReadAll(Connect(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n")));
  }

  std::atomic<bool> is_ready_ = true;
  std::unique_ptr<HttpServer> server_;
  std::vector<int> sockets_;
};

TEST_F(HttpServerTest, AnswersWhatItKnows) {
  EXPECT_TRUE(absl::EndsWith(Get("/metrics"), "\r\n\r\na 1\n"));
  EXPECT_TRUE(absl::EndsWith(Get("/metrics?name=x"), "\r\n\r\na 1\n"));
  EXPECT_TRUE(absl::StartsWith(Get("/healthz"), "HTTP/1.1 200 "));
  EXPECT_TRUE(absl::StartsWith(Get("/readyz"), "HTTP/1.1 200 "));
  is_ready_ = false;
  EXPECT_TRUE(absl::StartsWith(Get("/readyz"), "HTTP/1.1 503 "));
  for (const char* path : {"/", "/metrics/../healthz", "/../etc/passwd", "//"})
    EXPECT_TRUE(absl::StartsWith(Get(path), "HTTP/1.1 404 ")) << path;
}

TEST_F(HttpServerTest, OtherMethodsAndRequestsWithoutEndAreRefused) {
  EXPECT_TRUE(
      absl::StartsWith(ReadAll(Connect("POST /metrics HTTP/1.1\r\n\r\n")), "HTTP/1.1 405 "));
  EXPECT_EQ(ReadAll(Connect("GET /" + std::string(20'000, 'x'))), "");
  EXPECT_EQ(ReadAll(Connect("GET /heal")), "") << "half a request, two seconds later";
}

TEST_F(HttpServerTest, StalledConnectionsKeepNobodyOut) {
  for (const int many : {64, 500}) {
    for (int i = 0; i < many; ++i) Connect("GET /metr");
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(absl::EndsWith(Get("/metrics"), "\r\n\r\na 1\n")) << many;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(time.count(), 2) << many << ": before they have had their time";
  }
}

TEST_F(HttpServerTest, MetricsThatWaitKeepNobodyOut) {
  std::promise<void> store_answers;
  Start([wait = store_answers.get_future().share()] {
    wait.wait();
    return std::string("b 2\n");
  });
  const int scrape = Connect("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(Get("/healthz"), "HTTP/1.1 200 "));
  store_answers.set_value();
  EXPECT_TRUE(absl::EndsWith(ReadAll(scrape), "\r\n\r\nb 2\n"));
}

TEST_F(HttpServerTest, MetricsAreNoOlderThanTheirRequest) {
  std::atomic<int> calls = 0;
  Start([&calls] { return absl::StrCat("c ", ++calls, "\n"); });
  for (int i = 1; i < 50; ++i)
    EXPECT_TRUE(absl::EndsWith(Get("/metrics"), absl::StrCat("\nc ", i, "\n")));
}

TEST_F(HttpServerTest, TextOfMegabytesComesWhole) {
  Start([] { return std::string(20 << 20, 'x'); });
  EXPECT_GT(Get("/metrics").size(), size_t{20} << 20);
}

}  // namespace
}  // namespace automap
