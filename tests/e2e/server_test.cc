// The server as a black box: real processes, real sockets on loopback, a worker with faults on
// demand.
#include "tests/support/server_test.h"

#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/support/files.h"
#include "tests/support/processes.h"

namespace automap {
namespace {

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
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(rest[i], durable[i]))
        << rest[i].ShortDebugString() << " vs " << durable[i].ShortDebugString();
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
#ifdef AUTOMAP_SANITIZED
  GTEST_SKIP() << "no limit of memory under sanitizers";
#endif
  const std::string other = Create(Spec("slow")).name();
  WaitForState(other, v1::PlanJob::RUNNING);
  const v1::PlanEvent last = Watch(Create(Spec("allocate")).name()).back();
  EXPECT_EQ(last.state_change().state(), v1::PlanJob::FAILED);
  // It lives, and has had what it may and no more.
  int64_t most = 0;
  for (const pid_t worker : ChildrenOf(server_)) most = std::max(most, StatusKiB(worker, "VmHWM"));
  const double share = static_cast<double>(most) / (1 << 20);
  EXPECT_GT(share, 0.9);
  EXPECT_LT(share, 1.1);
  EXPECT_TRUE(Watch(other).back().has_final_plan());
  EXPECT_EQ(Get(other).attempts(), 1) << "another job in another worker";
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

TEST_F(ServerTest, ADrainAsksTheSearchForOneMoreCheckpoint) {
  StopServer(SIGKILL);
  StartServer({"--checkpoint-interval=3600"});
  const std::string job = Create(Spec("count 150")).name();
  WaitForState(job, v1::PlanJob::RUNNING);
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_EQ(StopServer(SIGTERM), 0);
  StartServer();
  EXPECT_TRUE(Watch(job).back().has_final_plan());
  EXPECT_EQ(MetricOf(Metrics(), "automap_checkpoints_total{outcome=\"resumed\"}"), 1);
  EXPECT_EQ(Get(job).attempts(), 1);
}

TEST_F(ServerTest, OneRequestIdMakesOneJob) {
  const v1::PlanJob first = Create(Spec("ok", 1), "an id"), second = Create(Spec("ok", 1), "an id");
  EXPECT_EQ(first.name(), second.name());
  grpc::Status status;
  Create(Spec("ok", 2), "an id", &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOfError(status), "REQUEST_ID_REUSED");
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
  WaitForMetric("automap_jobs_ended_total{state=\"succeeded\"}", 1);
  EXPECT_NE(HttpGet(http_port_, "/healthz").find(" 200 "), std::string::npos);
  EXPECT_NE(HttpGet(http_port_, "/readyz").find(" 200 "), std::string::npos);
  EXPECT_NE(HttpGet(http_port_, "/nothing").find(" 404 "), std::string::npos);
}

TEST_F(ServerTest, TheCallersTraceIsInItsJobItsWorkersTaskAndTheLog) {
  StopServer(SIGKILL);
  log_ = (folder_ / "log").string();
  StartServer();
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  grpc::ClientContext context;
  context.AddMetadata("traceparent", trace);
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("trace");
  v1::PlanJob job;
  ASSERT_TRUE(planner_->CreatePlanJob(&context, request, &job).ok());
  EXPECT_EQ(job.traceparent(), trace);
  EXPECT_EQ(Watch(job.name()).back().final_plan().bound().proof(), trace);
  StopServer(SIGTERM);
  std::stringstream log;
  log << std::ifstream(log_).rdbuf();
  EXPECT_NE(log.str().find("\"trace\":\"" + trace), std::string::npos) << log.str();
}

TEST_F(ServerTest, ASecondServerOnTheSameFolderIsRefused) {
  const std::string command =
      absl::StrCat(ProductProgram("automapd"), " --listen 127.0.0.1:", FreePort(),
                   " --http-listen 127.0.0.1:", FreePort(), " --data-dir ",
                   (folder_ / "data").string(), " 2>/dev/null");
  EXPECT_NE(std::system(command.c_str()), 0);
}

TEST(Automapd, DoesNotLinkTorch) {
  FILE* pipe = popen(("ldd " + ProductProgram("automapd")).c_str(), "r");
  std::string text;
  char buffer[4096];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  ASSERT_EQ(pclose(pipe), 0);
  EXPECT_NE(text.find("libgrpc++"), std::string::npos);
  EXPECT_EQ(text.find("torch"), std::string::npos);
}

}  // namespace
}  // namespace automap
