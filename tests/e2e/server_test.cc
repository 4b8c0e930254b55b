// The server as a black box: real processes, real sockets on loopback, a worker with faults on
// demand.
#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "automap/v1/modules.grpc.pb.h"
#include "automap/v1/planner.grpc.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

extern char** environ;

namespace automap {
namespace {

constexpr auto kTimeout = std::chrono::seconds(40);

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string reply;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    ssize_t count = 0;
    while ((count = read(fd, buffer, sizeof(buffer))) > 0) reply.append(buffer, count);
  }
  close(fd);
  return reply;
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              absl::StrCat("automap-e2e-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
    std::filesystem::create_directories(folder_);
    setenv("FAKE_WORKER_DIR", folder_.c_str(), 1);
    port_ = FreePort();
    http_port_ = FreePort();
    StartServer();
  }

  void TearDown() override {
    if (server_ > 0) StopServer(SIGKILL);
    std::filesystem::remove_all(folder_);
  }

  void StartServer(const std::string& worker = AUTOMAP_TEST_BIN "/fake_worker") {
    const std::string program = AUTOMAP_BIN_DIR "/automapd";
    // The server ends with this test, however that ends.
    std::vector<std::string> arguments = {"/usr/bin/setpriv",
                                          "--pdeathsig",
                                          "KILL",
                                          "--",
                                          program,
                                          "--listen",
                                          absl::StrCat("127.0.0.1:", port_),
                                          "--http-listen",
                                          absl::StrCat("127.0.0.1:", http_port_),
                                          "--data-dir",
                                          folder_ / "data",
                                          "--worker-program",
                                          worker,
                                          "--worker-memory-bytes",
                                          "1073741824",
                                          "--overrun-grace",
                                          "1"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ASSERT_EQ(posix_spawn(&server_, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    // A connection of its own: the shared ones may still believe in a server that was killed.
    grpc::ChannelArguments fresh;
    fresh.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_),
                                         grpc::InsecureChannelCredentials(), fresh);
    ASSERT_TRUE(channel_->WaitForConnected(std::chrono::system_clock::now() + kTimeout));
    planner_ = v1::Planner::NewStub(channel_);
    modules_ = v1::Modules::NewStub(channel_);
  }

  int StopServer(int signal_number) {
    kill(server_, signal_number);
    int status = 0;
    waitpid(server_, &status, 0);
    server_ = 0;
    return status;
  }

  static v1::PlanSpec Spec(const std::string& order, uint64_t seed = 0) {
    v1::PlanSpec spec;
    spec.set_inline_hlo_text(order);
    spec.set_cluster_preset("v100x4x1-25gbps");
    spec.mutable_options()->set_seed(seed);
    return spec;
  }

  v1::PlanJob Create(const v1::PlanSpec& spec, const std::string& request_id = "",
                     grpc::Status* status = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = spec;
    request.set_request_id(request_id);
    v1::PlanJob job;
    const grpc::Status result = planner_->CreatePlanJob(&context, request, &job);
    if (status != nullptr) {
      *status = result;
    } else {
      EXPECT_TRUE(result.ok()) << result.error_message();
    }
    return job;
  }

  std::vector<v1::PlanEvent> Watch(const std::string& job, const std::string& token = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::WatchPlanJobRequest request;
    request.set_name(job);
    request.set_resume_token(token);
    auto reader = planner_->WatchPlanJob(&context, request);
    std::vector<v1::PlanEvent> events;
    v1::PlanEvent event;
    while (reader->Read(&event)) events.push_back(event);
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_FALSE(events.empty());
    if (events.empty()) events.emplace_back();
    return events;
  }

  v1::PlanJob Get(const std::string& name) {
    grpc::ClientContext context;
    v1::GetPlanJobRequest request;
    request.set_name(name);
    v1::PlanJob job;
    EXPECT_TRUE(planner_->GetPlanJob(&context, request, &job).ok());
    return job;
  }

  void WaitForState(const std::string& name, v1::PlanJob::State state) {
    for (int i = 0; i < 200 && Get(name).state() != state; ++i)
      absl::SleepFor(absl::Milliseconds(50));
    ASSERT_EQ(Get(name).state(), state);
  }

  std::filesystem::path folder_;
  int port_ = 0, http_port_ = 0;
  pid_t server_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Planner::Stub> planner_;
  std::unique_ptr<v1::Modules::Stub> modules_;
};

TEST_F(ServerTest, StreamsSnapshotProgressImprovedAndFinalPlan) {
  grpc::ClientContext context;
  v1::PlanRequest request;
  *request.mutable_spec() = Spec("slow");
  auto reader = planner_->Plan(&context, request);
  std::vector<v1::PlanEvent> events;
  v1::PlanEvent event;
  while (reader->Read(&event)) events.push_back(event);
  ASSERT_TRUE(reader->Finish().ok());
  ASSERT_GT(events.size(), 4u);
  EXPECT_EQ(events.front().snapshot().name().rfind("planJobs/", 0), 0u);
  EXPECT_TRUE(events.back().has_final_plan());
  int progress = 0, improved = 0;
  int64_t sequence = 0;
  for (const v1::PlanEvent& item : events) {
    progress += item.has_progress();
    improved += item.has_improved_plan();
    if (item.has_progress() || item.has_snapshot()) continue;
    EXPECT_EQ(item.sequence(), ++sequence) << "a gap";
  }
  EXPECT_GT(progress, 1);
  EXPECT_EQ(improved, 1);
}

TEST_F(ServerTest, AStreamGoesOnFromItsToken) {
  const std::string job = Create(Spec("slow")).name();
  const std::vector<v1::PlanEvent> all = Watch(job);
  std::vector<v1::PlanEvent> durable;
  for (const v1::PlanEvent& event : all) {
    if (!event.has_progress() && !event.has_snapshot()) durable.push_back(event);
  }
  ASSERT_GE(durable.size(), 3u);
  const std::vector<v1::PlanEvent> rest = Watch(job, durable[0].resume_token());
  ASSERT_EQ(rest.size(), durable.size());  // a snapshot instead of the first
  for (size_t i = 1; i < rest.size(); ++i)
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(rest[i], durable[i]));
}

TEST_F(ServerTest, AKilledWorkerCostsARetry) {
  const std::string job = Create(Spec("crash", 7)).name();
  EXPECT_TRUE(Watch(job).back().has_final_plan());
  EXPECT_EQ(Get(job).attempts(), 2);
}

TEST_F(ServerTest, AWorkerThatAlwaysDiesFailsTheJobWithTheCause) {
  const std::string job = Create(Spec("always-crash")).name();
  const v1::PlanEvent last = Watch(job).back();
  EXPECT_EQ(last.state_change().state(), v1::PlanJob::FAILED);
  EXPECT_NE(last.state_change().error().message().find("WORKER_LOST"), std::string::npos);
  EXPECT_EQ(last.state_change().attempts(), 3);
  EXPECT_TRUE(Watch(Create(Spec("ok")).name()).back().has_final_plan()) << "the server goes on";
}

TEST_F(ServerTest, AWorkerThatOverrunsIsKilled) {
  v1::PlanSpec spec = Spec("stuck");
  grpc::ClientContext context;
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = spec;
  request.mutable_options()->mutable_run_timeout()->set_seconds(1);
  v1::PlanJob job;
  ASSERT_TRUE(planner_->CreatePlanJob(&context, request, &job).ok());
  const v1::PlanEvent last = Watch(job.name()).back();
  EXPECT_EQ(last.state_change().state(), v1::PlanJob::FAILED);
  EXPECT_EQ(last.state_change().error().code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  pid_t worker = 0;
  std::ifstream(folder_ / "stuck-pid") >> worker;
  ASSERT_GT(worker, 0);
  EXPECT_EQ(kill(worker, 0), -1) << "the process is gone";
  EXPECT_TRUE(Watch(Create(Spec("ok")).name()).back().has_final_plan()) << "the server goes on";
}

TEST_F(ServerTest, MemoryWithoutEndIsCapped) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "no address space limit under sanitizers";
#endif
  const v1::PlanEvent last = Watch(Create(Spec("allocate")).name()).back();
  EXPECT_EQ(last.state_change().state(), v1::PlanJob::FAILED);
  EXPECT_NE(last.state_change().error().message().find("out of memory"), std::string::npos)
      << last.state_change().error().message();
}

TEST_F(ServerTest, AKilledServerLosesNothingAndFinishesAfterwards) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 6; ++i) jobs.push_back(Create(Spec(i % 2 == 0 ? "slow" : "ok", i)).name());
  StopServer(SIGKILL);
  StartServer();
  for (const std::string& job : jobs) EXPECT_TRUE(Watch(job).back().has_final_plan()) << job;
}

TEST_F(ServerTest, TerminationDrainsAndTheJobGoesOnLater) {
  const std::string job = Create(Spec("slow")).name();
  WaitForState(job, v1::PlanJob::RUNNING);
  const int status = StopServer(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  StartServer();
  EXPECT_TRUE(Watch(job).back().has_final_plan());
  EXPECT_EQ(Get(job).attempts(), 1) << "draining is no failed attempt";
}

TEST_F(ServerTest, OneRequestIdMakesOneJob) {
  const v1::PlanJob first = Create(Spec("ok", 1), "an id"), second = Create(Spec("ok", 1), "an id");
  EXPECT_EQ(first.name(), second.name());
  grpc::Status status;
  Create(Spec("ok", 2), "an id", &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "REQUEST_ID_REUSED");
}

TEST_F(ServerTest, CancelStopsARunningAndAWaitingJob) {
  const std::string running = Create(Spec("forever")).name();
  WaitForState(running, v1::PlanJob::RUNNING);
  const absl::Time begin = absl::Now();
  grpc::ClientContext context;
  v1::CancelPlanJobRequest request;
  request.set_name(running);
  v1::PlanJob job;
  ASSERT_TRUE(planner_->CancelPlanJob(&context, request, &job).ok());
  EXPECT_EQ(Watch(running).back().state_change().state(), v1::PlanJob::CANCELLED);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(ServerTest, APlanThatTheVerifierRefusesNeverLeaves) {
  const std::vector<v1::PlanEvent> events = Watch(Create(Spec("wrong")).name());
  EXPECT_EQ(events.back().state_change().state(), v1::PlanJob::FAILED);
  EXPECT_NE(events.back().state_change().error().message().find("PLAN_REJECTED"),
            std::string::npos);
  for (const v1::PlanEvent& event : events) EXPECT_FALSE(event.has_final_plan());
}

TEST_F(ServerTest, UploadsInChunksAndPlansByName) {
  const std::string body = "ok";
  const std::string sha = "2689367b205c16ce32ed4200942b8b8b1e262dfc70d9bc9fbc77c49699a4f1df";
  for (int round = 0; round < 2; ++round) {
    grpc::ClientContext context;
    v1::Module module;
    auto writer = modules_->UploadModule(&context, &module);
    v1::UploadModuleRequest request;
    request.mutable_header()->set_sha256(sha);
    request.mutable_header()->set_size_bytes(body.size());
    writer->Write(request);
    for (const char letter : body) {
      request.mutable_chunk()->set_data(std::string(1, letter));
      writer->Write(request);
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(module.name(), "modules/" + sha);
  }
  v1::PlanSpec spec = Spec("");
  spec.set_module_name("modules/" + sha);
  EXPECT_TRUE(Watch(Create(spec).name()).back().has_final_plan());
}

TEST_F(ServerTest, AWrongDigestIsRefused) {
  grpc::ClientContext context;
  v1::Module module;
  auto writer = modules_->UploadModule(&context, &module);
  v1::UploadModuleRequest request;
  request.mutable_header()->set_sha256(std::string(64, 'a'));
  request.mutable_header()->set_size_bytes(2);
  writer->Write(request);
  request.mutable_chunk()->set_data("ok");
  writer->Write(request);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerTest, RefusesBadRequestsWithTheFieldsPath) {
  struct Case {
    const char* field;
    grpc::StatusCode code;
    std::function<void(v1::PlanSpec&)> spoil;
  };
  const Case cases[] = {
      {"spec.module", grpc::StatusCode::INVALID_ARGUMENT,
       [](v1::PlanSpec& spec) { spec.clear_module(); }},
      {"spec.cluster", grpc::StatusCode::INVALID_ARGUMENT,
       [](v1::PlanSpec& spec) { spec.clear_cluster(); }},
      {"cluster", grpc::StatusCode::INVALID_ARGUMENT,
       [](v1::PlanSpec& spec) { spec.set_cluster_preset("v100"); }},
      {"cluster.servers", grpc::StatusCode::INVALID_ARGUMENT,
       [](v1::PlanSpec& spec) { spec.mutable_inline_cluster(); }},
      {"spec.options.strategy", grpc::StatusCode::INVALID_ARGUMENT,
       [](v1::PlanSpec& spec) { spec.mutable_options()->set_strategy("fast"); }},
      {"spec.options.strategy", grpc::StatusCode::UNIMPLEMENTED,
       [](v1::PlanSpec& spec) { spec.mutable_options()->set_strategy("pp"); }},
      {"spec.inline_hlo", grpc::StatusCode::RESOURCE_EXHAUSTED,
       [](v1::PlanSpec& spec) { spec.set_inline_hlo(std::string(3 << 20, 'x')); }},
      {"spec.module_name", grpc::StatusCode::FAILED_PRECONDITION,
       [](v1::PlanSpec& spec) { spec.set_module_name("modules/" + std::string(64, 'b')); }},
  };
  for (const Case& item : cases) {
    v1::PlanSpec spec = Spec("ok");
    item.spoil(spec);
    grpc::Status status;
    Create(spec, "", &status);
    EXPECT_EQ(status.error_code(), item.code) << item.field << ": " << status.error_message();
    EXPECT_EQ(status.error_message().rfind(item.field, 0), 0u) << status.error_message();
  }
}

TEST_F(ServerTest, ListsNewestFirstInPagesAndDeletesEndedJobs) {
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.push_back(Create(Spec("ok", i)).name());
  for (const std::string& name : names) Watch(name);
  std::vector<std::string> listed;
  v1::ListPlanJobsRequest request;
  request.set_page_size(2);
  do {
    grpc::ClientContext context;
    v1::ListPlanJobsResponse response;
    ASSERT_TRUE(planner_->ListPlanJobs(&context, request, &response).ok());
    for (const v1::PlanJob& job : response.plan_jobs()) listed.push_back(job.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, std::vector<std::string>(names.rbegin(), names.rend()));
  grpc::ClientContext context;
  v1::DeletePlanJobRequest remove;
  remove.set_name(names[0]);
  google::protobuf::Empty empty;
  EXPECT_TRUE(planner_->DeletePlanJob(&context, remove, &empty).ok());
}

TEST_F(ServerTest, MetricsHealthAndReadinessAnswer) {
  Watch(Create(Spec("ok")).name());
  EXPECT_NE(HttpGet(http_port_, "/metrics").find("automap_jobs_ended_total{state=\"succeeded\"} 1"),
            std::string::npos);
  EXPECT_NE(HttpGet(http_port_, "/healthz").find(" 200 "), std::string::npos);
  EXPECT_NE(HttpGet(http_port_, "/readyz").find(" 200 "), std::string::npos);
  EXPECT_NE(HttpGet(http_port_, "/nothing").find(" 404 "), std::string::npos);
}

TEST_F(ServerTest, ASecondServerOnTheSameFolderIsRefused) {
  const std::string command =
      absl::StrCat(AUTOMAP_BIN_DIR "/automapd --listen 127.0.0.1:", FreePort(),
                   " --http-listen 127.0.0.1:", FreePort(), " --data-dir ",
                   (folder_ / "data").string(), " 2>/dev/null");
  EXPECT_NE(std::system(command.c_str()), 0);
}

TEST(Automapd, DoesNotLinkTorch) {
  FILE* pipe = popen("ldd " AUTOMAP_BIN_DIR "/automapd", "r");
  std::string text;
  char buffer[4096];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  ASSERT_EQ(pclose(pipe), 0);
  EXPECT_NE(text.find("libgrpc++"), std::string::npos);
  EXPECT_EQ(text.find("torch"), std::string::npos);
}

}  // namespace
}  // namespace automap
