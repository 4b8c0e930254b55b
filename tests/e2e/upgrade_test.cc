// A store of the first version becomes one of this version, however often that is interrupted.
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

using UpgradeTest = ServerTest;

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

TEST_F(UpgradeTest, AnUpgradeThatIsKilledBeginsAgain) {
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

TEST_F(UpgradeTest, AnUpgradeThatIsKilledAtRandomLosesNothing) {
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

}  // namespace
}  // namespace automap
