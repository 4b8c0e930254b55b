// Who may do what: tokens, roles, owners; and what a server refuses to start with.
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/sha256.h"
#include "server/api/access.h"
#include "tests/support/files.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

struct Known {
  const char* name;
  const char* role;
};

constexpr Known kKnown[] = {{"ann", "submitter"},
                            {"bob", "submitter"},
                            {"vic", "viewer"},
                            {"ops", "operator"},
                            {"old", "operator"}};
constexpr char kCanary[] = "secret-canary";

std::string Token(const std::string& name) { return absl::StrCat(kCanary, " of ", name); }

class IdentityTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    WritePrincipals("");
    StartServer({"--principals=" + principals()});
  }

  std::string principals() const { return (folder_ / "principals.json").string(); }

  void WritePrincipals(const std::string& without) {
    std::vector<std::string> items;
    for (const Known& known : kKnown) {
      if (known.name == without) continue;
      items.push_back(absl::StrCat(
          R"({"name": ")", known.name, R"(", "role": ")", known.role, R"(", "tokenSha256": [")",
          Sha256Hex(Token(known.name)), R"("])",
          std::string(known.name) == "old" ? R"(, "expires": "2020-01-01T00:00:00Z")" : "", "}"));
    }
    std::ofstream(principals() + ".new")
        << R"({"principals": [)" << absl::StrJoin(items, ",") << "]}";
    std::filesystem::rename(principals() + ".new", principals());
  }

  std::unique_ptr<grpc::ClientContext> As(const std::string& name) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + kTimeout);
    if (!name.empty()) context->AddMetadata("authorization", "Bearer " + Token(name));
    return context;
  }

  v1::PlanJob CreateAs(const std::string& name, grpc::Status* status) {
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec("ok");
    v1::PlanJob job;
    *status = planner_->CreatePlanJob(As(name).get(), request, &job);
    return job;
  }

  // The code with which `name` is answered to METHOD on a job of ann.
  grpc::StatusCode Call(const std::string& method, const std::string& name,
                        const std::string& job) {
    const auto context = As(name);
    if (method == "Planner/Plan" || method == "Planner/WatchPlanJob") {
      v1::PlanRequest plan;
      *plan.mutable_spec() = Spec("ok");
      v1::WatchPlanJobRequest watch;
      watch.set_name(job);
      auto reader = method == "Planner/Plan" ? planner_->Plan(context.get(), plan)
                                             : planner_->WatchPlanJob(context.get(), watch);
      v1::PlanEvent event;
      while (reader->Read(&event)) {
      }
      return reader->Finish().error_code();
    }
    if (method == "Modules/UploadModule") {
      v1::Module module;
      auto writer = modules_->UploadModule(context.get(), &module);
      v1::UploadModuleRequest request;
      request.mutable_header()->set_sha256(Sha256Hex("x"));
      request.mutable_header()->set_size_bytes(1);
      writer->Write(request);
      request.mutable_chunk()->set_data("x");
      writer->Write(request);
      writer->WritesDone();
      return writer->Finish().error_code();
    }
    return Unary(method, context.get(), job);
  }

  grpc::StatusCode Unary(const std::string& method, grpc::ClientContext* context,
                         const std::string& job) {
    const auto named = [&](auto request, auto call, auto response) {
      request.set_name(job);
      return call(request, response).error_code();
    };
    if (method == "Planner/GetPlanJob")
      return named(
          v1::GetPlanJobRequest(),
          [&](auto& q, auto& r) { return planner_->GetPlanJob(context, q, &r); }, v1::PlanJob());
    if (method == "Planner/GetPlan")
      return named(
          v1::GetPlanRequest(), [&](auto& q, auto& r) { return planner_->GetPlan(context, q, &r); },
          v1::Plan());
    if (method == "Planner/CancelPlanJob")
      return named(
          v1::CancelPlanJobRequest(),
          [&](auto& q, auto& r) { return planner_->CancelPlanJob(context, q, &r); }, v1::PlanJob());
    if (method == "Planner/DeletePlanJob")
      return named(
          v1::DeletePlanJobRequest(),
          [&](auto& q, auto& r) { return planner_->DeletePlanJob(context, q, &r); },
          google::protobuf::Empty());
    // The others take any message: an empty one says INVALID_ARGUMENT or NOT_FOUND to those who
    // may call.
    const auto any = [&](auto request, auto call, auto response) {
      return call(request, response).error_code();
    };
    v1::CreatePlanJobRequest create;
    *create.mutable_spec() = Spec("ok");
    if (method == "Planner/CreatePlanJob")
      return any(
          create, [&](auto& q, auto& r) { return planner_->CreatePlanJob(context, q, &r); },
          v1::PlanJob());
    if (method == "Planner/ListPlanJobs")
      return any(
          v1::ListPlanJobsRequest(),
          [&](auto& q, auto& r) { return planner_->ListPlanJobs(context, q, &r); },
          v1::ListPlanJobsResponse());
    if (method == "Planner/LookupPlan")
      return any(
          v1::LookupPlanRequest(),
          [&](auto& q, auto& r) { return planner_->LookupPlan(context, q, &r); }, v1::Plan());
    if (method == "Planner/GetCapabilities")
      return any(
          v1::GetCapabilitiesRequest(),
          [&](auto& q, auto& r) { return planner_->GetCapabilities(context, q, &r); },
          v1::Capabilities());
    if (method == "Modules/QueryUpload")
      return any(
          v1::QueryUploadRequest(),
          [&](auto& q, auto& r) { return modules_->QueryUpload(context, q, &r); },
          v1::QueryUploadResponse());
    if (method == "Modules/CreateModule")
      return any(
          v1::CreateModuleRequest(),
          [&](auto& q, auto& r) { return modules_->CreateModule(context, q, &r); }, v1::Module());
    if (method == "Modules/FindMissingModules")
      return any(
          v1::FindMissingModulesRequest(),
          [&](auto& q, auto& r) { return modules_->FindMissingModules(context, q, &r); },
          v1::FindMissingModulesResponse());
    if (method == "Modules/GetModule")
      return any(
          v1::GetModuleRequest(),
          [&](auto& q, auto& r) { return modules_->GetModule(context, q, &r); }, v1::Module());
    if (method == "Modules/ListModules")
      return any(
          v1::ListModulesRequest(),
          [&](auto& q, auto& r) { return modules_->ListModules(context, q, &r); },
          v1::ListModulesResponse());
    if (method == "Modules/DeleteModule")
      return any(
          v1::DeleteModuleRequest(),
          [&](auto& q, auto& r) { return modules_->DeleteModule(context, q, &r); },
          google::protobuf::Empty());
    ADD_FAILURE() << method << " is not called by this test";
    return grpc::StatusCode::UNKNOWN;
  }
};

std::vector<std::string> DeclaredMethods() {
  std::vector<std::string> methods;
  for (const char* file : {"automap/v1/planner.proto", "automap/v1/modules.proto"}) {
    (void)v1::PlanRequest::descriptor();
    (void)v1::Module::descriptor();
    const auto* proto = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(file);
    for (int s = 0; proto != nullptr && s < proto->service_count(); ++s) {
      for (int m = 0; m < proto->service(s)->method_count(); ++m)
        methods.push_back(
            absl::StrCat(proto->service(s)->name(), "/", proto->service(s)->method(m)->name()));
    }
  }
  return methods;
}

TEST(MethodRules, AreOneForEachDeclaredMethod) {
  std::set<std::string> ruled;
  for (const MethodRule& rule : MethodRules()) ruled.insert(rule.method);
  const std::vector<std::string> declared = DeclaredMethods();
  EXPECT_EQ(declared.size(), 17u);
  EXPECT_EQ(ruled, std::set<std::string>(declared.begin(), declared.end()));
}

TEST_F(IdentityTest, EveryCellOfTheMatrixIsAsDeclared) {
  for (const MethodRule& rule : MethodRules()) {
    grpc::Status status;
    const v1::PlanJob job = CreateAs("ann", &status);
    ASSERT_TRUE(status.ok()) << status.error_message();
    const std::string method = rule.method;
    const bool names_a_job = method == "Planner/GetPlanJob" || method == "Planner/GetPlan" ||
                             method == "Planner/WatchPlanJob" ||
                             method == "Planner/CancelPlanJob" || method == "Planner/DeletePlanJob";
    SCOPED_TRACE(method);
    for (const char* stranger : {"", "nobody", "old"})
      EXPECT_EQ(Call(method, stranger, job.name()), grpc::StatusCode::UNAUTHENTICATED) << stranger;
    EXPECT_EQ(Call(method, "vic", job.name()) == grpc::StatusCode::PERMISSION_DENIED,
              rule.role > Role::kViewer);
    const grpc::StatusCode bob = Call(method, "bob", job.name());
    if (rule.role > Role::kSubmitter) {
      EXPECT_EQ(bob, grpc::StatusCode::PERMISSION_DENIED);
    } else if (names_a_job) {
      EXPECT_EQ(bob, grpc::StatusCode::NOT_FOUND) << "another's job";
    } else {
      EXPECT_NE(bob, grpc::StatusCode::PERMISSION_DENIED);
    }
    for (const char* may : {"ann", "ops"}) {
      const grpc::StatusCode code = Call(method, may, job.name());
      const bool may_call = std::string(may) == "ops" || rule.role <= Role::kSubmitter;
      EXPECT_EQ(code == grpc::StatusCode::PERMISSION_DENIED, !may_call) << may;
      EXPECT_NE(code, grpc::StatusCode::UNAUTHENTICATED) << may;
    }
  }
}

TEST_F(IdentityTest, JobsBelongToWhoMadeThemAndListsShowOnlyThose) {
  grpc::Status status;
  EXPECT_EQ(CreateAs("ann", &status).caller(), "ann");
  CreateAs("bob", &status);
  const auto count = [&](const char* name) {
    v1::ListPlanJobsResponse response;
    EXPECT_TRUE(planner_->ListPlanJobs(As(name).get(), {}, &response).ok());
    return response.plan_jobs_size();
  };
  EXPECT_EQ(count("ann"), 1);
  EXPECT_EQ(count("vic"), 2);
  EXPECT_EQ(count("ops"), 2);
}

TEST_F(IdentityTest, ATokenThatIsTakenBackIsRefusedWithinSeconds) {
  grpc::Status status;
  CreateAs("bob", &status);
  ASSERT_TRUE(status.ok());
  WritePrincipals("bob");
  for (int i = 0; i < 200 && status.ok(); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    CreateAs("bob", &status);
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  CreateAs("ann", &status);
  EXPECT_TRUE(status.ok());
}

TEST_F(IdentityTest, NoSecretIsInMetricsErrorsOrTheStore) {
  grpc::Status status;
  CreateAs("ann", &status);
  CreateAs("nobody", &status);
  EXPECT_EQ(status.error_message().find(kCanary), std::string::npos);
  EXPECT_EQ(Metrics().find(kCanary), std::string::npos);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "data")) {
    if (!entry.is_regular_file()) continue;
    std::stringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    EXPECT_EQ(bytes.str().find(kCanary), std::string::npos) << entry.path();
  }
}

// With the real worker, whose errors quote what is wrong with a module.
TEST_F(IdentityTest, NoSecretAndNothingOfAModuleIsInTheLog) {
  StopServer(SIGKILL);
  log_ = (folder_ / "log").string();
  StartServer({"--principals=" + principals(),
               "--worker-program=" + ProductProgram("automap-worker"),
               "--worker-memory-bytes=6442450944", "--workers=1"});
  grpc::Status status;
  for (const std::string& text :
       {absl::StrCat("HloModule ", kCanary, "\n", kCanary, " = ", kCanary, "[1] ", kCanary, "()"),
        absl::StrCat("HloModule m\n\nENTRY main {\n  ROOT p = f32[2] negate(", kCanary,
                     ")\n}\n")}) {
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec(text);
    v1::PlanJob job;
    ASSERT_TRUE(planner_->CreatePlanJob(As("ann").get(), request, &job).ok());
    v1::WatchPlanJobRequest watch;
    watch.set_name(job.name());
    const auto context = As("ann");
    auto reader = planner_->WatchPlanJob(context.get(), watch);
    v1::PlanEvent event, last;
    while (reader->Read(&event)) last = event;
    EXPECT_EQ(last.state_change().state(), v1::PlanJob::FAILED);
    EXPECT_NE(last.state_change().error().message().find(kCanary), std::string::npos)
        << "the caller is told what is wrong";
  }
  CreateAs("nobody", &status);
  StopServer(SIGTERM);
  std::stringstream log;
  log << std::ifstream(log_).rdbuf();
  EXPECT_NE(log.str().find("job ended"), std::string::npos);
  EXPECT_NE(log.str().find(R"("reflection":true)"), std::string::npos);
  EXPECT_EQ(log.str().find(kCanary), std::string::npos) << log.str();
}

TEST_F(IdentityTest, DescriptorsAreGivenWhereThatIsWantedOnly) {
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  EXPECT_NE(CallWithNothing(channel_, method), grpc::StatusCode::UNIMPLEMENTED);
  StopServer(SIGKILL);
  StartServer({"--no-reflection"});
  EXPECT_EQ(CallWithNothing(channel_, method), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(IdentityTest, RefusesToStartWhereOthersReachItWithoutCredentials) {
  StopServer(SIGKILL);
  const auto exit_code = [&](const std::vector<std::string>& flags) {
    SpawnServer(flags, {});
    int status = 0;
    waitpid(server_, &status, 0);
    server_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const std::string open = absl::StrCat("--listen=0.0.0.0:", port_);
  EXPECT_EQ(exit_code({open}), 1);
  EXPECT_EQ(exit_code({open, "--principals=" + principals()}), 1) << "tokens without TLS";
  EXPECT_EQ(exit_code({"--tls-certificate=/nothing", "--tls-key=/nothing"}), 1);
  EXPECT_EQ(exit_code({"--principals=/nothing"}), 1);
  StartServer({open, "--allow-insecure"});
}

TEST_F(IdentityTest, TheCommandLineHasAToken) {
  const std::string file = (folder_ / "token").string();
  std::ofstream(file) << Token("ann") << "\n";
  EXPECT_EQ(AutomapJobs(port_, "--token-file " + file), 0);
  std::ofstream(file) << "another\n";
  EXPECT_NE(AutomapJobs(port_, "--token-file " + file), 0);
  EXPECT_NE(AutomapJobs(port_, ""), 0);
}

}  // namespace
}  // namespace automap
