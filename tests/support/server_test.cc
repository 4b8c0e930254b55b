#include "tests/support/server_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/sha256.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/support/files.h"

extern char** environ;

namespace automap {
namespace {

int ConnectTo(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

template <typename Done>
bool Poll(std::chrono::seconds limit, Done done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

}  // namespace

// Below the range that the system gives to outgoing connections: a server that is started again on
// its port must find it free.
int FreePort() {
  static std::mt19937 random(std::random_device{}());
  while (true) {
    const int port = 10'000 + static_cast<int>(random() % 22'000);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (free) return port;
  }
}

grpc::StatusCode CallWithNothing(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::StatusCode> code;
  stub.UnaryCall(&context, method, {}, &request, &response,
                 [&](const grpc::Status& status) { code.set_value(status.error_code()); });
  return code.get_future().get();
}

std::string HttpGet(int port, const std::string& path) {
  const int fd = ConnectTo(port);
  if (fd < 0) return "";
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  (void)!write(fd, request.data(), request.size());
  std::string reply;
  char buffer[4096];
  ssize_t count = 0;
  while ((count = read(fd, buffer, sizeof(buffer))) > 0) reply.append(buffer, count);
  close(fd);
  return reply;
}

template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status proto;
  proto.ParseFromString(status.error_details());
  Detail detail;
  for (const google::protobuf::Any& any : proto.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  return Detail();
}

template google::rpc::BadRequest DetailOf(const grpc::Status&);
template google::rpc::RetryInfo DetailOf(const grpc::Status&);
template google::rpc::QuotaFailure DetailOf(const grpc::Status&);

std::string ReasonOfError(const grpc::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).reason();
}

double MetricOf(const std::string& text, const std::string& name_and_labels) {
  const size_t at = text.find("\n" + name_and_labels + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name_and_labels.size() + 2, 40));
}

bool IsWhole(const std::vector<v1::PlanEvent>& events) {
  int64_t sequence = 0;
  for (const v1::PlanEvent& event : events) {
    if (event.has_snapshot() || event.has_progress() || event.has_bookmark()) continue;
    if (event.sequence() != ++sequence) return false;
  }
  return !events.empty() && events.back().has_final_plan();
}

int AutomapJobs(int port, const std::string& flags) {
  return WEXITSTATUS(
      std::system(absl::StrCat(ProductProgram("automap"), " jobs --server localhost:", port, " ",
                               flags, " >/dev/null 2>&1")
                      .c_str()));
}

void ServerTest::SetUp() {
  folder_ = std::filesystem::temp_directory_path() /
            absl::StrCat("automap-e2e-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
  std::filesystem::create_directories(folder_);
  setenv("FAKE_WORKER_DIR", folder_.c_str(), 1);
  port_ = FreePort();
  http_port_ = FreePort();
  StartServer();
}

void ServerTest::TearDown() {
  if (server_ > 0) StopServer(SIGKILL);
  std::filesystem::remove_all(folder_);
}

void ServerTest::SpawnServer(const std::vector<std::string>& more,
                             const std::vector<std::string>& environment) {
  // The server ends with this test, however that ends.
  std::vector<std::string> arguments = {"/usr/bin/setpriv",
                                        "--pdeathsig",
                                        "KILL",
                                        "--",
                                        ProductProgram("automapd"),
                                        absl::StrCat("--listen=127.0.0.1:", port_),
                                        absl::StrCat("--http-listen=127.0.0.1:", http_port_),
                                        absl::StrCat("--data-dir=", (folder_ / "data").string()),
                                        "--worker-program=" + TestProgram("fake_worker"),
                                        "--worker-memory-bytes=1073741824",
                                        "--overrun-grace=1"};
  for (const std::string& flag : more) {
    const std::string name = flag.substr(0, flag.find('='));
    std::erase_if(arguments,
                  [&](const std::string& item) { return item.rfind(name + "=", 0) == 0; });
    arguments.push_back(flag);
  }
  std::vector<std::string> variables = environment;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  std::vector<char*> argv, envp;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!log_.empty())
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int error = posix_spawn(&server_, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  ASSERT_EQ(error, 0);
}

bool ServerTest::WaitUntilServing(std::chrono::seconds limit) {
  // An answer, not a mere connection: right after a kill a worker that is being started may still
  // hold the old server's listening socket.
  return Poll(limit, [this] {
    return HttpGet(http_port_, "/readyz").find(" 200 ") != std::string::npos ||
           waitpid(server_, nullptr, WNOHANG) != 0;
  });
}

void ServerTest::StartServer(const std::vector<std::string>& more,
                             const std::vector<std::string>& environment) {
  // Right after a kill a worker that was being started may hold the old server's sockets and lock
  // for a moment, so that the new one finds them taken.
  for (int attempt = 1;; ++attempt) {
    SpawnServer(more, environment);
    ASSERT_TRUE(WaitUntilServing());
    if (waitpid(server_, nullptr, WNOHANG) == 0) break;
    ASSERT_LT(attempt, 10) << "the server does not start";
    absl::SleepFor(absl::Milliseconds(200));
  }
  Connect();
}

void ServerTest::Connect(bool waits) {
  // A connection of its own: the shared ones may still believe in a server that was killed.
  grpc::ChannelArguments fresh;
  fresh.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_),
                                       grpc::InsecureChannelCredentials(), fresh);
  if (waits) {
    ASSERT_TRUE(channel_->WaitForConnected(std::chrono::system_clock::now() + kTimeout));
  }
  planner_ = v1::Planner::NewStub(channel_);
  modules_ = v1::Modules::NewStub(channel_);
}

int ServerTest::StopServer(int signal_number) {
  kill(server_, signal_number);
  int status = 0;
  waitpid(server_, &status, 0);
  server_ = 0;
  return status;
}

v1::PlanSpec ServerTest::Spec(const std::string& order, uint64_t seed) {
  v1::PlanSpec spec;
  spec.set_inline_hlo_text(order);
  spec.set_cluster_preset("v100x4x1-25gbps");
  spec.mutable_options()->set_seed(seed);
  return spec;
}

v1::PlanJob ServerTest::Create(const v1::PlanSpec& spec, const std::string& request_id,
                               grpc::Status* status) {
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id(request_id);
  return CreateWith(request, status);
}

v1::PlanJob ServerTest::CreateWith(const v1::CreatePlanJobRequest& request, grpc::Status* status) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::PlanJob job;
  const grpc::Status result = planner_->CreatePlanJob(&context, request, &job);
  if (status != nullptr) {
    *status = result;
  } else {
    EXPECT_TRUE(result.ok()) << result.error_message();
  }
  return job;
}

std::vector<v1::PlanEvent> ServerTest::Watch(const std::string& job, const std::string& token,
                                             grpc::Status* status) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  request.set_resume_token(token);
  auto reader = planner_->WatchPlanJob(&context, request);
  std::vector<v1::PlanEvent> events;
  v1::PlanEvent event;
  while (reader->Read(&event)) events.push_back(event);
  const grpc::Status result = reader->Finish();
  if (status != nullptr) {
    *status = result;
    return events;
  }
  EXPECT_TRUE(result.ok()) << result.error_message();
  EXPECT_FALSE(events.empty());
  if (events.empty()) events.emplace_back();
  return events;
}

std::vector<v1::PlanEvent> ServerTest::WatchInPieces(const std::string& job, std::mt19937& random,
                                                     const std::function<void()>& before) {
  std::vector<v1::PlanEvent> events;
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  bool is_over = false;
  const auto end = std::chrono::system_clock::now() + kTimeout;
  while (!is_over && std::chrono::system_clock::now() < end) {
    before();
    grpc::ClientContext context;
    context.set_deadline(end);
    auto reader = planner_->WatchPlanJob(&context, request);
    v1::PlanEvent event;
    for (unsigned left = 1 + random() % 4; !is_over && left > 0 && reader->Read(&event); --left) {
      request.set_resume_token(event.resume_token());
      is_over = event.has_final_plan();
      events.push_back(event);
    }
    context.TryCancel();
    reader->Finish();
  }
  return events;
}

std::string ServerTest::Upload(const std::string& bytes) {
  constexpr size_t kChunk = 1 << 20;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::Module module;
  const auto writer = modules_->UploadModule(&context, &module);
  v1::UploadModuleRequest request;
  request.mutable_header()->set_sha256(Sha256Hex(bytes));
  request.mutable_header()->set_size_bytes(static_cast<int64_t>(bytes.size()));
  bool goes_on = writer->Write(request);
  for (size_t at = 0; goes_on && at < bytes.size(); at += kChunk) {
    request.mutable_chunk()->set_data(bytes.substr(at, kChunk));
    goes_on = writer->Write(request);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return module.name();
}

v1::PlanJob ServerTest::Get(const std::string& name) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::GetPlanJobRequest request;
  request.set_name(name);
  v1::PlanJob job;
  const grpc::Status status = planner_->GetPlanJob(&context, request, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

v1::PlanJob ServerTest::Cancel(const std::string& name, bool keep_best_plan) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  v1::CancelPlanJobRequest request;
  request.set_name(name);
  request.set_keep_best_plan(keep_best_plan);
  v1::PlanJob job;
  const grpc::Status status = planner_->CancelPlanJob(&context, request, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

void ServerTest::WaitForState(const std::string& name, v1::PlanJob::State state) {
  ASSERT_TRUE(Poll(kTimeout, [&] { return Get(name).state() == state; }))
      << name << " is " << v1::PlanJob::State_Name(Get(name).state());
}

void ServerTest::WaitForMetric(const std::string& name_and_labels, double value) {
  EXPECT_TRUE(Poll(kTimeout, [&] { return MetricOf(Metrics(), name_and_labels) >= value; }))
      << name_and_labels << " is " << MetricOf(Metrics(), name_and_labels);
}

}  // namespace automap
