// Too much of everything: connections, bytes, calls, jobs, readers that do not read.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "google/rpc/error_details.pb.h"
#include "tests/support/files.h"
#include "tests/support/http2.h"
#include "tests/support/measured.h"
#include "tests/support/processes.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"
#include "tests/support/wire.h"

namespace automap {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class OverloadTest : public ServerTest {
 protected:
  void Restart(const std::vector<std::string>& flags) {
    StopServer(SIGKILL);
    StartServer(flags);
  }

  // How long an ordinary call takes now.
  double CallSeconds() {
    const auto begin = Clock::now();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::Capabilities capabilities;
    EXPECT_TRUE(planner_->GetCapabilities(&context, {}, &capabilities).ok());
    return SecondsSince(begin);
  }
};

std::vector<int> OpenConnections(int port, int count) {
  std::vector<int> sockets;
  for (int i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      if (fd >= 0) close(fd);
      continue;
    }
    sockets.push_back(fd);
  }
  return sockets;
}

// Debian's gRPC listens no more once a flood took all descriptors (CVE-2023-4785).
TEST_F(OverloadTest, AFloodOfConnectionsEndsAndTheServerServes) {
  StopServer(SIGKILL);
  const rlimit few = {128, 128};
  SpawnServer({"--max-connections=100"}, {});
  prlimit(server_, RLIMIT_NOFILE, &few, nullptr);
  ASSERT_TRUE(WaitUntilServing());
  const auto refused = [this] {
    const std::string metrics = Metrics();
    return MetricOf(metrics, "automap_connections_refused_total{reason=\"too_many\"}") +
           MetricOf(metrics, "automap_connections_refused_total{reason=\"no_descriptors\"}");
  };
  for (int round = 0; round < 2 || (round < 20 && refused() <= 0); ++round) {
    const std::vector<int> sockets = OpenConnections(port_, 512);
    absl::SleepFor(absl::Milliseconds(300));
    for (const int fd : sockets) close(fd);
  }
  const auto begin = Clock::now();
  Connect();
  EXPECT_LT(CallSeconds(), 5);
  EXPECT_LT(SecondsSince(begin), 30);
  EXPECT_GT(refused(), 0);
  double open = 0;
  for (int i = 0; i < 600; ++i) {
    open = MetricOf(Metrics(), "automap_connections");
    if (open == 1) break;
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(open, 1) << "all of the flood are gone";
}

// As "127.0.0.N"; all of 127 is this machine.
int ConnectFrom(const char* host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own = {}, address = {};
  own.sin_family = address.sin_family = AF_INET;
  inet_pton(AF_INET, host, &own.sin_addr);
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof(own));
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

// gRPC greets who is taken with its settings; others are hung up on.
bool IsTaken(int fd) {
  const timeval limit = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char byte = 0;
  return recv(fd, &byte, 1, 0) == 1;
}

TEST_F(OverloadTest, OneHostCannotTakeAllConnections) {
  Restart({"--max-connections-per-host=10"});
  std::vector<int> sockets;
  int taken = 0;
  for (int i = 0; i < 30; ++i) sockets.push_back(ConnectFrom("127.0.0.9", port_));
  for (const int fd : sockets) taken += IsTaken(fd);
  EXPECT_EQ(taken, 10);
  sockets.push_back(ConnectFrom("127.0.0.10", port_));
  EXPECT_TRUE(IsTaken(sockets.back())) << "another host";
  EXPECT_LT(CallSeconds(), 5);
  for (const int fd : sockets) close(fd);
  bool again = false;
  for (int i = 0; i < 100 && !again; ++i) {
    const int fd = ConnectFrom("127.0.0.9", port_);
    again = IsTaken(fd);
    close(fd);
    if (!again) absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(again) << "there is room again";
}

TEST_F(OverloadTest, CompressedMessagesAreRefusedWithoutInflatingThem) {
  const int64_t before = ResidentMiB();
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("");
  request.mutable_spec()->set_inline_hlo(std::string(200 << 20, '\0'));
  v1::PlanJob job;
  EXPECT_EQ(planner_->CreatePlanJob(&context, request, &job).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_LT(ResidentMiB() - before, 16);
  CallSeconds();
}

// Two bytes of an empty message become hundreds in memory.
TEST_F(OverloadTest, ModulesThatCostMuchMoreThanTheyWeighAreRefusedAndCostTheServerLittle) {
  Restart({"--worker-program=" + ProductProgram("automap-worker"), "--workers=1",
           "--worker-memory-bytes=6442450944"});
  const auto many = [](const std::string& part) {
    std::string all;
    while (all.size() < size_t{50} << 20) all += part;
    return all;
  };
  const std::pair<const char*, std::string> modules[] = {
      {"computations", many(Field(3, ""))},
      {"instructions", Field(3, many(Field(2, "")))},
      {"shapes", Field(3, Field(2, Field(3, many(Field(4, "")))))},
      {"operands", Field(3, Field(2, Field(36, many("\x01"))))},
      {"unknown fields", many(Field(1000, ""))},
  };
  v1::PlanSpec spec = Spec("");
  for (const auto& [what, bytes] : modules) {
    spec.set_module_name(Upload(bytes));
    const int64_t before = StatusKiB(server_, "VmRSS");
    std::ofstream(absl::StrCat("/proc/", server_, "/clear_refs")) << "5";  // VmHWM begins anew
    const double used = ProcessorSeconds(server_);
    const auto begin = Clock::now();
    const std::string job = Create(spec).name();
    const v1::PlanEvent end = Watch(job).back();
    const double seconds = SecondsSince(begin), processor = ProcessorSeconds(server_) - used;
    const int64_t grown = (StatusKiB(server_, "VmHWM") - before) >> 10;
    Measured(
        absl::StrCat("S2: 50 MiB of empty ", what), "refused within 1 s, 96 MiB more",
        absl::StrFormat("%.2f s, %.2f s of the processor, %d MiB more", seconds, processor, grown));
    EXPECT_EQ(end.state_change().state(), v1::PlanJob::FAILED) << what;
    EXPECT_EQ(end.state_change().error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << what;
    EXPECT_EQ(Get(job).attempts(), 1) << what << ": no worker died";
    EXPECT_LT(grown, 96) << what;
    EXPECT_LT(processor, 2) << what << ": half a second on a machine of one's own";
  }
}

TEST_F(OverloadTest, AMessageThatIsTooLargeIsRefused) {
  grpc::Status status;
  v1::PlanSpec spec = Spec("");
  spec.set_inline_hlo(std::string(5 << 20, 'x'));
  Create(spec, "", &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(OverloadTest, ReadersThatDoNotReadAreCutOffAndHurtNobody) {
  Restart({"--workers=1", "--max-write-time=1"});
  const std::string job = Create(Spec("flood")).name();
  EXPECT_TRUE(Watch(job).back().has_final_plan()) << "who reads gets all of it";
  const int64_t before = ResidentMiB();
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  const int count = Times(50, 500);
  std::vector<std::unique_ptr<RawHttp2>> connections;
  for (int i = 0; i < count; ++i) {
    if (i % 10 == 0) connections.push_back(std::make_unique<RawHttp2>(port_, 8192));
    connections.back()->Call("Planner/WatchPlanJob", request.SerializeAsString());
  }
  for (auto& connection : connections) EXPECT_TRUE(connection->Send());
  int64_t grown = 0;
  const auto cut_off = [this] { return MetricOf(Metrics(), "automap_watch_cut_off_total"); };
  for (int i = 0; i < 1200 && cut_off() < count; ++i) {
    grown = std::max(grown, ResidentMiB() - before);
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(cut_off(), count);
  EXPECT_LT(grown, 64);
  Measured(absl::StrCat("R8: memory of ", count, " streams of 20 MB that nobody reads"),
           "at most 64 MiB", absl::StrCat(grown, " MiB"));
  EXPECT_TRUE(Watch(job).back().has_final_plan());
  EXPECT_LT(CallSeconds(), 1);
}

// Half of them on streams that break at random.
TEST_F(OverloadTest, ManyWatchersEachGetEverythingOnceAndInOrder) {
  Restart({"--workers=1"});
  const std::string job = Create(Spec("slow")).name();
  std::atomic<int> complete = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 random(client);
      for (int i = 0; i < Times(15, 125); ++i)
        complete += IsWhole(i % 2 == 0 ? Watch(job) : WatchInPieces(job, random));
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(complete, 8 * Times(15, 125));
}

TEST_F(OverloadTest, StormsOfDeadlinesAndCancellationsLeaveNothingBehind) {
  CallSeconds();
  const int64_t before = ResidentMiB();
  const int storm = Times(1000, 10'000);
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      for (int i = client; i < storm; i += 4) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::milliseconds(1 + i % 50));
        v1::PlanRequest request;
        *request.mutable_spec() = Spec("ok", i % 10);
        auto reader = planner_->Plan(&context, request);
        v1::PlanEvent event;
        if (i % 2 == 0) context.TryCancel();
        while (reader->Read(&event)) {
        }
        reader->Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_LT(CallSeconds(), 10);
  for (int i = 0; i < 500 && MetricOf(Metrics(), "automap_watch_streams") > 0; ++i)
    absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(MetricOf(Metrics(), "automap_watch_streams"), 0);
  const int64_t grown = ResidentMiB() - before;
  Measured(absl::StrCat("R9: memory after ", storm, " calls with deadlines of 1 to 50 ms, half of ",
                        "them cancelled"),
           "no streams are left", absl::StrCat(before, " MiB before, ", grown, " more"));
  EXPECT_LT(grown, 64);
}

TEST_F(OverloadTest, RefusalsAreQuickAndSayWhenToComeBack) {
  Restart({"--workers=0", "--max-queued-jobs=50"});
  std::vector<double> refusals;
  for (int i = 0; i < 500; ++i) {
    const auto begin = Clock::now();
    grpc::Status status;
    Create(Spec("ok", i), "", &status);
    if (status.ok()) continue;
    EXPECT_EQ(ReasonOfError(status), "QUEUE_FULL");
    EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
    refusals.push_back(SecondsSince(begin));
  }
  ASSERT_EQ(refusals.size(), 450u);
  std::sort(refusals.begin(), refusals.end());
  EXPECT_LT(refusals[refusals.size() / 2], 0.1) << "10 ms on a machine of one's own";
  EXPECT_LT(CallSeconds(), 5);
}

}  // namespace
}  // namespace automap
