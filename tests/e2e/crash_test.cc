// Deaths at any moment: nothing acknowledged is lost, nothing happens twice. tests/torture repeats
// what is random more often.
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/jobs/job_state.h"
#include "tests/support/files.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"
#include "tests/support/stepped_clock.h"

namespace automap {
namespace {

class CrashTest : public ServerTest {
 protected:
  // What clients know: the job that each request id was answered with.
  std::map<std::string, std::string> acknowledged_;

  // Creates jobs until the server is gone or `count` are made.
  void CreateMany(int round, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("request ", round, " ", i);
      grpc::Status status;
      const v1::PlanJob job = Create(Spec("ok", round * 1000 + i), id, &status);
      if (status.ok()) acknowledged_[id] = job.name();
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return;
    }
  }

  void TryEverything(int round);

  bool DiesWithin(absl::Duration limit) {
    const absl::Time end = absl::Now() + limit;
    while (absl::Now() < end) {
      siginfo_t info = {};
      if (waitid(P_PID, server_, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0)
        return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  // Every acknowledged job is there, its history is whole, and its id still makes no other one.
  void CheckAll() {
    for (const auto& [id, name] : acknowledged_) {
      const std::vector<v1::PlanEvent> events = Watch(name);
      EXPECT_TRUE(events.back().has_final_plan()) << name << ": " << Get(name).error().message();
      int64_t sequence = 0;
      v1::PlanJob::State state = v1::PlanJob::PENDING;
      for (const v1::PlanEvent& event : events) {
        if (event.has_snapshot() || event.has_progress() || event.has_bookmark()) continue;
        EXPECT_EQ(event.sequence(), ++sequence) << name;
        if (!event.has_state_change() || sequence == 1) continue;
        EXPECT_TRUE(MayMove(state, event.state_change().state())) << name;
        state = event.state_change().state();
      }
    }
    if (acknowledged_.empty()) return;
    const auto& [id, name] = *acknowledged_.begin();
    int round = 0, index = 0;
    ASSERT_EQ(std::sscanf(id.c_str(), "request %d %d", &round, &index), 2);
    EXPECT_EQ(Create(Spec("ok", round * 1000 + index), id).name(), name);
  }
};

TEST_F(CrashTest, AServerThatIsKilledAtRandomLosesNoAcknowledgedJob) {
  std::mt19937 random(7);
  for (int round = 0; round < Times(8, 1000); ++round) {
    std::thread killer([&, delay = random() % 60] {
      absl::SleepFor(absl::Milliseconds(delay));
      kill(server_, SIGKILL);
    });
    CreateMany(round, 1000);
    killer.join();
    StopServer(SIGKILL);
    StartServer();
  }
  EXPECT_GT(acknowledged_.size(), 0u);
  CheckAll();
}

// Where a process may die or fail, but for those of an upgrade, below.
std::vector<std::string> Failpoints() {
  std::vector<std::string> points = {
      "blob.before_create",       "blob.before_write",         "blob.after_write",
      "blob.before_sync",         "blob.before_rename",        "blob.after_rename",
      "blob.after_folder_sync",   "api.create.before_store",   "api.create.before_answer",
      "api.cancel.before_store",  "api.cancel.before_answer",  "api.delete.before_store",
      "api.delete.before_answer", "pool.after_claim",          "pool.before_search",
      "pool.after_task_sent",     "pool.before_improved_plan", "pool.after_task",
      "pool.before_verification", "pool.before_end",           "pool.before_telling_watchers",
      "process.half_a_task",      "checkpoint.before_write",   "checkpoint.after_write",
      "checkpoint.before_rename", "checkpoint.after_rename",   "checkpoint.after_folder_sync",
      "checkpoint.before_read",   "checkpoint.before_remove",  "checkpoint.after_remove"};
  for (const char* operation :
       {"create", "claim", "update", "improve", "delete", "sweep", "recover", "group"}) {
    points.push_back(absl::StrCat("store.", operation, ".before_commit"));
    points.push_back(absl::StrCat("store.", operation, ".after_commit"));
  }
  return points;
}

// Every kind of operation once, whatever becomes of it.
void CrashTest::TryEverything(int round) {
  const auto set = [](grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  };
  v1::CreateModuleRequest module;
  module.set_hlo_text(absl::StrCat("ok", std::string(round, ' ')));
  v1::Module stored;
  grpc::ClientContext creation, cancellation, deletion;
  for (grpc::ClientContext* context : {&creation, &cancellation, &deletion}) set(*context);
  modules_->CreateModule(&creation, module, &stored);
  CreateMany(1000 + round, 2);
  grpc::Status status;
  v1::CancelPlanJobRequest cancel;
  cancel.set_name(Create(Spec("slow-ish", round), "", &status).name());
  v1::PlanJob cancelled;
  planner_->CancelPlanJob(&cancellation, cancel, &cancelled);
  v1::CreatePlanJobRequest counted;
  *counted.mutable_spec() = Spec("count", round);
  const v1::PlanJob job = CreateWith(counted, &status);
  if (status.ok()) Watch(job.name(), "", &status);
  v1::DeletePlanJobRequest request;
  request.set_name(job.name());
  google::protobuf::Empty empty;
  planner_->DeletePlanJob(&deletion, request, &empty);
}

// Operations × failpoints: whatever is done when the process dies or a step fails, the state after
// the restart is one that a client can explain.
TEST_F(CrashTest, NoStepIsABadMomentToDieOrToFail) {
  int round = 0;
  std::vector<std::string> not_reached;
  for (const std::string& point : Failpoints()) {
    for (const char* action : {"kill", "error"}) {
      SCOPED_TRACE(absl::StrCat(point, "=", action));
      StopServer(SIGKILL);
      SpawnServer({"--checkpoint-interval=0.001"},
                  {absl::StrCat("AUTOMAP_FAILPOINTS=", point, "=", action)});
      ++round;
      // The sweep comes within a second; a server that dies before it serves is as good.
      if (WaitUntilServing() && waitpid(server_, nullptr, WNOHANG) == 0) {
        Connect(/*waits=*/false);
        TryEverything(round);
        const bool dies = std::string(action) == "kill";
        if (dies && !DiesWithin(absl::Seconds(20))) not_reached.push_back(point);
      }
      StopServer(SIGKILL);
      StartServer();
    }
  }
  EXPECT_TRUE(not_reached.empty()) << absl::StrJoin(not_reached, " ");
  CheckAll();
}

TEST_F(CrashTest, AFullDiskRefusesJobsAndNothingElse) {
  const std::string data = (folder_ / "data").string();
  StopServer(SIGKILL);
  std::filesystem::remove_all(data);
  std::filesystem::create_directories(data);
  if (mount("tmpfs", data.c_str(), "tmpfs", 0, "size=4m") != 0)
    GTEST_SKIP() << "may not mount a small disk here";
  StartServer({"--workers=0"});
  std::vector<std::string> names;
  grpc::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    v1::PlanSpec spec = Spec(std::string(100'000, 'x'), i);
    const v1::PlanJob job = Create(spec, "", &status);
    if (status.ok()) names.push_back(job.name());
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(ReasonOfError(status), "STORE_FULL");
  ASSERT_GT(names.size(), 3u);
  for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
  ASSERT_EQ(mount("tmpfs", data.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  Create(Spec("ok"), "", &status);
  EXPECT_TRUE(status.ok()) << "there is room again: " << status.error_message();
  StopServer(SIGKILL);
  StartServer({"--workers=0"});
  for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
  StopServer(SIGKILL);
  umount2(data.c_str(), MNT_DETACH);
}

TEST_F(CrashTest, ADiskThatCannotBeSyncedAcknowledgesNothingAndLosesNothing) {
  const std::filesystem::path switch_file = folder_ / "disk fails";
  StopServer(SIGKILL);
  StartServer({"--workers=0"}, {"LD_PRELOAD=" + TestProgram("libfailing_disk.so"),
                                absl::StrCat("FAILING_DISK=", switch_file.string())});
  std::vector<std::string> names;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) names.push_back(Create(Spec("ok", round * 10 + i)).name());
    std::ofstream(switch_file) << "x";
    grpc::Status status;
    for (int i = 5; i < 8; ++i) {
      Create(Spec("ok", round * 10 + i), absl::StrCat("again ", round, " ", i), &status);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    }
    for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
    std::filesystem::remove(switch_file);
    for (int i = 5; i < 8; ++i)
      names.push_back(
          Create(Spec("ok", round * 10 + i), absl::StrCat("again ", round, " ", i)).name());
  }
  StopServer(SIGKILL);
  StartServer();
  for (const std::string& name : names) EXPECT_TRUE(Watch(name).back().has_final_plan()) << name;
}

// A limit on the size of files: the write that would pass it is cut short, the next one fails.
TEST_F(CrashTest, WritesThatAreCutShortLoseNothing) {
  StopServer(SIGKILL);
  StartServer({"--workers=0"});
  const auto limit_files = [this](rlim_t bytes) {
    const rlimit limit = {bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(server_, RLIMIT_FSIZE, &limit, nullptr), 0);
  };
  const auto upload = [this](int round) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::CreateModuleRequest module;
    module.set_hlo_text(std::string(1'500'000 + round, 'x'));
    v1::Module stored;
    return modules_->CreateModule(&context, module, &stored);
  };
  std::vector<std::string> names;
  for (int round = 0; round < Times(3, 50); ++round) {
    names.push_back(Create(Spec("ok", round * 1000)).name());
    limit_files(100'000 + 7777 * round % 30'000);  // somewhere inside a page of the log
    grpc::Status status;
    for (int i = 1; i < 500 && status.ok(); ++i) {
      const std::string name = Create(Spec("ok", round * 1000 + i), "", &status).name();
      if (status.ok()) names.push_back(name);
    }
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_FALSE(upload(round).ok());
    for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
    limit_files(RLIM_INFINITY);
    names.push_back(Create(Spec("ok", round * 1000 + 999)).name());
    const grpc::Status again = upload(round);
    EXPECT_TRUE(again.ok()) << again.error_message();
  }
  StopServer(SIGKILL);
  StartServer();
  for (const std::string& name : names) EXPECT_TRUE(Watch(name).back().has_final_plan()) << name;
}

TEST_F(CrashTest, ClocksThatStepNeitherEndJobsNorMakeTimesNegative) {
  if (!SteppedClock::IsInstalled()) GTEST_SKIP() << "libfaketime is not installed";
  const SteppedClock clock(folder_);
  StopServer(SIGKILL);
  StartServer({}, clock.environment());
  for (const char* offset : {"+3600", "-3600", "+0"}) {
    const std::string job = Create(Spec("slow", offset[0] + offset[1])).name();
    WaitForState(job, v1::PlanJob::RUNNING);
    clock.Set(offset);
    EXPECT_TRUE(Watch(job).back().has_final_plan()) << offset;
    EXPECT_EQ(Get(job).attempts(), 1) << offset;
  }
  const std::string metrics = Metrics();
  EXPECT_GE(MetricOf(metrics, "automap_job_run_seconds_sum"), 0);
  EXPECT_GE(MetricOf(metrics, "automap_job_wait_seconds_sum"), 0);
  EXPECT_GE(MetricOf(metrics, "automap_queue_oldest_wait_seconds"), 0);
}

// The tables of the first version, with `jobs` of them in it.
void MakeVersion1(const std::string& path, int jobs) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> owner(database, sqlite3_close);
  const auto run = [&](const char* sql, const std::vector<std::string>& blobs) {
    sqlite3_stmt* statement = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr), SQLITE_OK) << sql;
    for (size_t i = 0; i < blobs.size(); ++i)
      sqlite3_bind_blob(statement, static_cast<int>(i) + 1, blobs[i].data(),
                        static_cast<int>(blobs[i].size()), SQLITE_STATIC);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_DONE) << sqlite3_errmsg(database);
    sqlite3_finalize(statement);
  };
  ASSERT_EQ(sqlite3_exec(database,
                         "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT "
                         "NULL UNIQUE, state INTEGER NOT NULL, body BLOB NOT NULL, last_sequence "
                         "INTEGER NOT NULL); CREATE INDEX jobs_by_state ON jobs (state, id);"
                         "CREATE TABLE requests (request_id BLOB PRIMARY KEY, digest BLOB NOT "
                         "NULL, name BLOB NOT NULL); CREATE TABLE events (name BLOB NOT NULL, "
                         "sequence INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (name, "
                         "sequence)) WITHOUT ROWID; PRAGMA user_version=1; BEGIN;",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  for (int i = 0; i < jobs; ++i) {
    v1::PlanJob job;
    job.set_name(absl::StrCat("planJobs/old", i));
    job.set_state(v1::PlanJob::PENDING);
    job.mutable_spec()->set_inline_hlo_text("ok");
    job.mutable_spec()->set_cluster_preset("v100x4x1-25gbps");
    job.mutable_create_time()->set_seconds(1'700'000'000);
    v1::PlanEvent event;
    *event.mutable_state_change() = job;
    event.set_sequence(1);
    run("INSERT INTO jobs (name, state, body, last_sequence) VALUES (?, 1, ?, 1)",
        {job.name(), job.SerializeAsString()});
    run("INSERT INTO events VALUES (?, 1, ?)", {job.name(), event.SerializeAsString()});
    run("INSERT INTO requests VALUES (?, 'digest', ?)", {absl::StrCat("id", i), job.name()});
  }
  ASSERT_EQ(sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
}

TEST_F(CrashTest, AnUpgradeThatIsKilledBeginsAgain) {
  StopServer(SIGKILL);
  const std::filesystem::path data = folder_ / "data";
  std::filesystem::remove_all(data);
  std::filesystem::create_directories(data);
  constexpr int kJobs = 250;
  MakeVersion1(data / "jobs.sqlite", kJobs);
  for (const char* point :
       {"tables_made=kill", "jobs_copied=kill@2", "before_commit=kill", "after_commit=kill"}) {
    SpawnServer({}, {absl::StrCat("AUTOMAP_FAILPOINTS=store.upgrade.", point)});
    int status = 0;
    ASSERT_EQ(waitpid(server_, &status, 0), server_);
    EXPECT_TRUE(WIFSIGNALED(status)) << point;
    server_ = 0;
  }
  StartServer();
  for (int i = 0; i < kJobs; ++i) {
    const v1::PlanEvent last = Watch(absl::StrCat("planJobs/old", i)).back();
    ASSERT_TRUE(last.has_final_plan()) << i;
  }
}

TEST_F(CrashTest, AnUpgradeThatIsKilledAtRandomLosesNothing) {
  StopServer(SIGKILL);
  const std::filesystem::path data = folder_ / "data", old = folder_ / "old.sqlite";
  constexpr int kJobs = 1000;
  MakeVersion1(old, kJobs);
  std::mt19937 random(15);
  for (int round = 0; round < Times(3, 100) && !HasFailure(); ++round) {
    std::filesystem::remove_all(data);
    std::filesystem::create_directories(data);
    std::filesystem::copy_file(old, data / "jobs.sqlite");
    SpawnServer({"--workers=0"}, {});
    absl::SleepFor(absl::Milliseconds(random() % 200));
    StopServer(SIGKILL);
    StartServer({"--workers=0"});
    v1::ListPlanJobsRequest request;
    request.set_page_size(kJobs);
    v1::ListPlanJobsResponse jobs;
    grpc::ClientContext context;
    ASSERT_TRUE(planner_->ListPlanJobs(&context, request, &jobs).ok());
    EXPECT_EQ(jobs.plan_jobs_size(), kJobs) << "round " << round;
    EXPECT_TRUE(jobs.next_page_token().empty());
    StopServer(SIGKILL);
  }
  StartServer();
}

void CreateWithRetries(int round, const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::Planner::NewStub(channel);
  for (int i = 0; i < 20; ++i) {
    v1::CreatePlanJobRequest request;
    request.mutable_spec()->set_inline_hlo_text("ok");
    request.mutable_spec()->set_cluster_preset("v100x4x1-25gbps");
    request.set_request_id(absl::StrCat("drain ", round, " ", i));
    grpc::Status status(grpc::StatusCode::UNAVAILABLE, "");
    for (int attempt = 0; attempt < 300 && status.error_code() == grpc::StatusCode::UNAVAILABLE;
         ++attempt) {
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      context.set_deadline(std::chrono::system_clock::now() + kTimeout);
      v1::PlanJob job;
      status = stub->CreatePlanJob(&context, request, &job);
      absl::SleepFor(absl::Milliseconds(50));
    }
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(CrashTest, ClientsThatRetrySeeNoDrain) {
  for (int round = 0; round < Times(2, 100); ++round) {
    // The server is started by this thread: it dies with the thread that made it.
    std::thread client([round, channel = channel_] { CreateWithRetries(round, channel); });
    absl::SleepFor(absl::Milliseconds(300));
    const int status = StopServer(SIGTERM);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    StartServer();
    client.join();
  }
}

}  // namespace
}  // namespace automap
