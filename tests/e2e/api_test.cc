// What the API promises beyond the happy path: options of jobs, the plan cache, uploads that broke,
// limits, errors that programs can read.
#include <signal.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/crc32c.h"
#include "base/sha256.h"
#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "tests/support/server_test.h"

namespace automap {

namespace {

using google::protobuf::util::TimeUtil;

// One upload stream; stops after `stop_after` bytes without saying so, as a broken connection does.
struct UploadResult {
  grpc::Status status;
  v1::Module module;
};

UploadResult SendChunks(v1::Modules::Stub& stub, const std::string& body, int64_t from,
                        int64_t stop_after, bool damage = false) {
  grpc::ClientContext context;
  UploadResult result;
  auto writer = stub.UploadModule(&context, &result.module);
  v1::UploadModuleRequest request;
  request.mutable_header()->set_sha256(Sha256Hex(body));
  request.mutable_header()->set_size_bytes(static_cast<int64_t>(body.size()));
  writer->Write(request);
  for (int64_t at = from; at < static_cast<int64_t>(body.size()) && at < stop_after; at += 1000) {
    v1::UploadChunk& chunk = *request.mutable_chunk();
    chunk.set_offset(at);
    chunk.set_data(body.substr(at, std::min<int64_t>(1000, stop_after - at)));
    chunk.set_crc32c(Crc32c(chunk.data()) + (damage ? 1 : 0));
    if (!writer->Write(request)) break;
  }
  writer->WritesDone();
  result.status = writer->Finish();
  return result;
}

TEST_F(ServerTest, EqualJobsAreAnsweredFromTheCacheAndSaySo) {
  const v1::PlanJob first = Create(Spec("ok", 5));
  const v1::Plan found = Watch(first.name()).back().final_plan();
  const v1::PlanJob again = Create(Spec("ok", 5));
  EXPECT_EQ(again.state(), v1::PlanJob::SUCCEEDED) << "at once";
  EXPECT_TRUE(again.from_cache());
  EXPECT_FALSE(Get(first.name()).from_cache());
  EXPECT_EQ(again.plan_key(), first.plan_key());
  EXPECT_EQ(Watch(again.name()).back().final_plan().SerializeAsString(), found.SerializeAsString());
  EXPECT_NE(Create(Spec("ok", 6)).plan_key(), first.plan_key()) << "another seed";
}

TEST_F(ServerTest, EqualJobsAtOnceShareOneRun) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(Create(Spec("slow", 3)).name());
  int found = 0;
  for (const std::string& job : jobs) {
    EXPECT_TRUE(Watch(job).back().has_final_plan());
    found += !Get(job).from_cache();
  }
  EXPECT_EQ(found, 1);
  WaitForMetric("automap_jobs_ended_total{state=\"succeeded\"}", 5);
  EXPECT_EQ(MetricOf(Metrics(), "automap_search_seconds_count{strategy=\"opp\"}"), 1);
}

TEST_F(ServerTest, CachePoliciesAreKept) {
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("ok");
  request.mutable_options()->set_cache_policy(v1::CACHE_POLICY_NO_STORE);
  Watch(CreateWith(request).name());
  v1::LookupPlanRequest lookup;
  *lookup.mutable_spec() = Spec("ok");
  v1::Plan plan;
  {
    grpc::ClientContext context;
    const grpc::Status missing = planner_->LookupPlan(&context, lookup, &plan);
    EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(ReasonOfError(missing), "PLAN_NOT_CACHED");
  }
  request.mutable_options()->set_cache_policy(v1::CACHE_POLICY_BYPASS_READ);
  for (int i = 0; i < 2; ++i) {
    const v1::PlanJob job = CreateWith(request);
    Watch(job.name());
    EXPECT_FALSE(Get(job.name()).from_cache());
  }
  grpc::ClientContext context;
  EXPECT_TRUE(planner_->LookupPlan(&context, lookup, &plan).ok());
  EXPECT_EQ(plan.bound().proof(), "ok");
}

TEST_F(ServerTest, ACancelledJobKeepsItsBestPlanWhenAsked) {
  const std::string job = Create(Spec("forever")).name();
  WaitForState(job, v1::PlanJob::RUNNING);
  EXPECT_EQ(Cancel(job, true).state(), v1::PlanJob::CANCELLING);
  const std::vector<v1::PlanEvent> events = Watch(job);
  EXPECT_TRUE(events.back().has_final_plan());
  EXPECT_EQ(Get(job).state(), v1::PlanJob::CANCELLED);
  EXPECT_TRUE(Get(job).has_plan());
  grpc::ClientContext context;
  v1::GetPlanRequest request;
  request.set_name(job);
  v1::Plan plan;
  EXPECT_TRUE(planner_->GetPlan(&context, request, &plan).ok());
  EXPECT_EQ(Create(Spec("forever")).state(), v1::PlanJob::PENDING) << "a cut plan is not cached";
}

TEST_F(ServerTest, CompleteByEndsAJobWithWhatItHas) {
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("forever");
  *request.mutable_options()->mutable_complete_by() =
      TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now() + absl::Seconds(3)));
  const v1::PlanJob job = CreateWith(request);
  EXPECT_TRUE(Watch(job.name()).back().has_final_plan());
  EXPECT_EQ(Get(job.name()).state(), v1::PlanJob::SUCCEEDED);
}

TEST_F(ServerTest, AJobThatWaitsTooLongExpires) {
  StopServer(SIGKILL);
  StartServer({"--workers=0"});
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("ok");
  request.mutable_options()->mutable_queue_ttl()->set_seconds(1);
  const std::string job = CreateWith(request).name();
  const v1::PlanEvent last = Watch(job).back();
  EXPECT_EQ(last.state_change().state(), v1::PlanJob::EXPIRED);
  EXPECT_EQ(last.state_change().error().code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ServerTest, ValidateOnlyMakesNothing) {
  v1::CreatePlanJobRequest request;
  *request.mutable_spec() = Spec("ok");
  request.set_validate_only(true);
  const v1::PlanJob job = CreateWith(request);
  EXPECT_EQ(job.plan_key().size(), 64u);
  grpc::ClientContext context;
  v1::ListPlanJobsResponse all;
  ASSERT_TRUE(planner_->ListPlanJobs(&context, {}, &all).ok());
  EXPECT_EQ(all.plan_jobs_size(), 0);
}

TEST_F(ServerTest, EtagsGuardCancelAndDelete) {
  const std::string job = Create(Spec("ok")).name();
  Watch(job);
  v1::DeletePlanJobRequest request;
  request.set_name(job);
  request.set_etag("1");
  google::protobuf::Empty empty;
  {
    grpc::ClientContext context;
    const grpc::Status status = planner_->DeletePlanJob(&context, request, &empty);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
    EXPECT_EQ(ReasonOfError(status), "ETAG_MISMATCH");
  }
  request.set_etag(Get(job).etag());
  grpc::ClientContext context;
  EXPECT_TRUE(planner_->DeletePlanJob(&context, request, &empty).ok());
}

TEST_F(ServerTest, ListsByLabel) {
  for (const char* team : {"x", "y", "x"}) {
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec("ok");
    (*request.mutable_options()->mutable_labels())["team"] = team;
    CreateWith(request);
  }
  grpc::ClientContext context;
  v1::ListPlanJobsRequest request;
  (*request.mutable_labels())["team"] = "x";
  v1::ListPlanJobsResponse response;
  ASSERT_TRUE(planner_->ListPlanJobs(&context, request, &response).ok());
  EXPECT_EQ(response.plan_jobs_size(), 2);
}

TEST_F(ServerTest, AQueueThatIsFullSaysWhenToTryAgain) {
  StopServer(SIGKILL);
  StartServer({"--workers=0", "--max-queued-jobs=2"});
  grpc::Status status;
  for (int i = 0; i < 3; ++i) Create(Spec("ok", i), "", &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOfError(status), "QUEUE_FULL");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
  EXPECT_EQ(DetailOf<google::rpc::QuotaFailure>(status).violations(0).subject(), "queue");
}

TEST_F(ServerTest, ABrokenUploadGoesOnWhereItEnded) {
  std::string body = "ok";
  body.resize(5500, ' ');
  EXPECT_FALSE(SendChunks(*modules_, body, 0, 2500).status.ok());
  StopServer(SIGKILL);
  StartServer();
  v1::QueryUploadRequest query;
  query.set_sha256(Sha256Hex(body));
  v1::QueryUploadResponse there;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(modules_->QueryUpload(&context, query, &there).ok());
  }
  EXPECT_EQ(there.committed_size(), 2500);
  EXPECT_FALSE(there.complete());
  EXPECT_EQ(SendChunks(*modules_, body, 1000, 9000).status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT)
      << "neither the beginning nor the end";
  const UploadResult rest = SendChunks(*modules_, body, there.committed_size(), 9000);
  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(rest.module.size_bytes(), 5500);
  grpc::ClientContext context;
  ASSERT_TRUE(modules_->QueryUpload(&context, query, &there).ok());
  EXPECT_TRUE(there.complete());
}

TEST_F(ServerTest, ADamagedChunkIsRefused) {
  const UploadResult result = SendChunks(*modules_, std::string(3000, 'x'), 0, 9000, true);
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOfError(result.status), "CHUNK_DAMAGED");
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(result.status).field_violations(0).field(),
            "chunk.crc32c");
}

TEST_F(ServerTest, ModulesAreMadeFoundListedAndDeleted) {
  v1::CreateModuleRequest create;
  create.set_hlo_text("forever");
  v1::Module module;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(modules_->CreateModule(&context, create, &module).ok());
  }
  v1::FindMissingModulesRequest find;
  find.add_sha256(std::string(64, 'c'));
  find.add_sha256(module.sha256());
  v1::FindMissingModulesResponse missing;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(modules_->FindMissingModules(&context, find, &missing).ok());
  }
  ASSERT_EQ(missing.missing_sha256_size(), 1);
  EXPECT_EQ(missing.missing_sha256(0), std::string(64, 'c'));
  v1::PlanSpec spec = Spec("");
  spec.set_module_name(module.name());
  const std::string job = Create(spec).name();
  v1::DeleteModuleRequest remove;
  remove.set_name(module.name());
  google::protobuf::Empty empty;
  {
    grpc::ClientContext context;
    const grpc::Status status = modules_->DeleteModule(&context, remove, &empty);
    EXPECT_EQ(ReasonOfError(status), "MODULE_IN_USE");
  }
  Cancel(job, false);
  Watch(job);
  grpc::ClientContext context;
  EXPECT_TRUE(modules_->DeleteModule(&context, remove, &empty).ok());
}

TEST_F(ServerTest, AModuleThatIsDamagedOnDiskFailsTheJobAndCanBeUploadedAgain) {
  v1::CreateModuleRequest create;
  create.set_hlo_text("ok");
  v1::Module module;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(modules_->CreateModule(&context, create, &module).ok());
  }
  std::ofstream(folder_ / "data/modules" / module.sha256()) << "no";
  v1::PlanSpec spec = Spec("");
  spec.set_module_name(module.name());
  grpc::Status status;
  Create(spec, "", &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  grpc::ClientContext context;
  ASSERT_TRUE(modules_->CreateModule(&context, create, &module).ok());
  EXPECT_TRUE(Watch(Create(spec).name()).back().has_final_plan());
}

TEST_F(ServerTest, TokensOfOtherJobsAndOfTheFutureAreRefused) {
  const std::string one = Create(Spec("ok", 1)).name(), two = Create(Spec("ok", 2)).name();
  const std::string token = Watch(one).back().resume_token();
  grpc::Status status;
  Watch(two, token, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const std::string mark = token.substr(token.find('-'));
  Watch(one, "999" + mark, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const std::vector<v1::PlanEvent> rest = Watch(one, token, &status);
  EXPECT_TRUE(status.ok()) << "nothing is left, so the stream ends";
  EXPECT_EQ(rest.size(), 1u);
}

TEST_F(ServerTest, SilenceIsFilledWithBookmarks) {
  StopServer(SIGKILL);
  StartServer({"--workers=0", "--bookmark-interval=0.5"});
  const std::string job = Create(Spec("ok")).name();
  grpc::ClientContext context;
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  auto reader = planner_->WatchPlanJob(&context, request);
  v1::PlanEvent event;
  int bookmarks = 0;
  while (bookmarks < 2 && reader->Read(&event)) bookmarks += event.has_bookmark();
  EXPECT_EQ(bookmarks, 2);
  EXPECT_FALSE(event.bookmark().reconnect_soon());
  EXPECT_EQ(event.sequence(), 1);
  context.TryCancel();
}

TEST_F(ServerTest, ADrainTellsWatchersToReconnect) {
  const std::string job = Create(Spec("forever")).name();
  WaitForState(job, v1::PlanJob::RUNNING);
  grpc::ClientContext context;
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  auto reader = planner_->WatchPlanJob(&context, request);
  v1::PlanEvent event;
  ASSERT_TRUE(reader->Read(&event));
  kill(server_, SIGTERM);
  while (reader->Read(&event)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(event.bookmark().reconnect_soon());
}

TEST_F(ServerTest, ACallWithADeadlineGetsTheBestPlanBeforeIt) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(4));
  v1::PlanRequest request;
  *request.mutable_spec() = Spec("forever");
  auto reader = planner_->Plan(&context, request);
  v1::PlanEvent event, last;
  while (reader->Read(&event)) last = event;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(last.has_final_plan());
}

TEST_F(ServerTest, EveryLimitIsPublished) {
  grpc::ClientContext context;
  v1::Capabilities limits;
  ASSERT_TRUE(planner_->GetCapabilities(&context, {}, &limits).ok());
  const auto* reflection = limits.GetReflection();
  for (int i = 0; i < limits.GetDescriptor()->field_count(); ++i) {
    const auto* field = limits.GetDescriptor()->field(i);
    EXPECT_TRUE(field->is_repeated() ? reflection->FieldSize(limits, field) > 0
                                     : reflection->HasField(limits, field))
        << field->name();
  }
}

TEST_F(ServerTest, JobOptionsThatMakeNoSenseAreRefusedWithTheirPath) {
  struct Case {
    const char* field;
    std::function<void(v1::JobOptions&)> spoil;
  };
  const Case cases[] = {
      {"options.run_timeout", [](auto& options) { options.mutable_run_timeout(); }},
      {"options.run_timeout",
       [](auto& options) { options.mutable_run_timeout()->set_seconds(INT64_MAX); }},
      {"options.queue_ttl", [](auto& options) { options.mutable_queue_ttl()->set_nanos(-1); }},
      {"options.complete_by", [](auto& options) { options.mutable_complete_by(); }},
      {"options.complete_by",
       [](auto& options) { options.mutable_complete_by()->set_seconds(INT64_MAX); }},
      {"options.priority", [](auto& options) { options.set_priority(INT32_MIN); }},
      {"options.cache_policy",
       [](auto& options) { options.set_cache_policy(static_cast<v1::CachePolicy>(77)); }},
      {"options.labels", [](auto& options) { (*options.mutable_labels())[""] = "x"; }},
      {"options.labels",
       [](auto& options) { (*options.mutable_labels())["x"] = std::string(200, 'x'); }},
  };
  for (const Case& item : cases) {
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec("ok");
    item.spoil(*request.mutable_options());
    grpc::Status status;
    CreateWith(request, &status);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << item.field;
    EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(), item.field);
  }
}

}  // namespace
}  // namespace automap
