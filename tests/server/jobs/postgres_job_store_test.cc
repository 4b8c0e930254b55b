// The contract against PostgreSQL, and what only a shared store can show.
#include "server/jobs/postgres_job_store.h"

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/jobs/job_row.h"
#include "tests/contracts/job_store_contract.h"
#include "tests/support/postgres.h"

namespace automap {
namespace {

Postgres& Database() {
  static Postgres database;
  return database;
}

// One database per folder of a test, found again after a reopening.
absl::StatusOr<std::unique_ptr<JobStore>> OpenFor(const std::string& folder) {
  static std::map<std::string, std::string> databases;
  std::string& database = databases[folder];
  if (database.empty()) database = Database().NewDatabase();
  return OpenPostgresJobStore(database);
}

INSTANTIATE_TEST_SUITE_P(Postgres, JobStoreContract,
                         testing::Values(StoreUnderTest{"postgres", OpenFor, true}),
                         [](const auto& test) { return std::string(test.param.name); });

v1::PlanJob Job(const std::string& id) {
  v1::PlanJob job;
  job.set_name("planJobs/" + id);
  job.set_state(v1::PlanJob::PENDING);
  job.set_caller("c");
  *job.mutable_create_time() = ToTimestamp(absl::Now());
  return job;
}

NewJob ToCreate(const std::string& id) {
  NewJob job;
  job.job = Job(id);
  return job;
}

// Counts the changes of named jobs that the store hears of.
StoreListener Count(std::atomic<int>& heard) {
  return {.changed = [&heard](absl::string_view job) { heard += !job.empty(); }, .progressed = {}};
}

// Creates jobs until somebody heard: a notification that comes before anybody listens is nobody's.
void CreateUntilHeard(JobStore& store, const std::atomic<int>& heard) {
  for (int i = 0; i < 300 && heard == 0; ++i) {
    if (i % 5 == 0) {
      ASSERT_TRUE(store.Create(ToCreate(absl::StrCat("a", i)), {}).ok());
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_GT(heard, 0);
}

TEST(PostgresJobStore, ReplicasHearOfEachOthersChanges) {
  const std::string database = Database().NewDatabase();
  std::atomic<int> own = 0, heard = 0;
  const auto one = OpenPostgresJobStore(database), two = OpenPostgresJobStore(database);
  ASSERT_TRUE(one.ok() && two.ok());
  (*one)->Listen(Count(own));
  (*two)->Listen(Count(heard));
  CreateUntilHeard(**one, heard);
}

// The stranger listens before anything is said.
TEST(PostgresJobStore, InstallationsThatShareADatabaseDoNotHearOfEachOther) {
  const std::string database = Database().NewDatabase();
  const std::string ours = Postgres::NewSchema(database, "ours");
  std::atomic<int> own = 0, heard = 0, overheard = 0;
  const auto stranger = OpenPostgresJobStore(Postgres::NewSchema(database, "theirs"));
  const auto one = OpenPostgresJobStore(ours), two = OpenPostgresJobStore(ours);
  ASSERT_TRUE(stranger.ok() && one.ok() && two.ok());
  (*stranger)->Listen(Count(overheard));
  absl::SleepFor(absl::Seconds(1));
  (*one)->Listen(Count(own));
  (*two)->Listen(Count(heard));
  CreateUntilHeard(**one, heard);
  absl::SleepFor(absl::Seconds(1));
  EXPECT_EQ(overheard, 0);
  EXPECT_EQ((*stranger)->Get("planJobs/a0").status().code(), absl::StatusCode::kNotFound);
}

TEST(PostgresJobStore, ReplicasThatStartTogetherMakeOneSchema) {
  const std::string database = Database().NewDatabase();
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { opened += OpenPostgresJobStore(database).ok(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 4);
}

TEST(PostgresJobStore, ComesBackAfterTheDatabaseDied) {
  Postgres own;
  const auto store = OpenPostgresJobStore(own.NewDatabase());
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->Create(ToCreate("a"), {}).ok());
  own.Kill();
  EXPECT_EQ((*store)->Get("planJobs/a").status().code(), absl::StatusCode::kUnavailable);
  own.Start();
  ASSERT_TRUE(own.is_up());
  absl::Status status;
  for (int i = 0; i < 50; ++i) {
    status = (*store)->Get("planJobs/a").status();
    if (status.ok()) break;
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_TRUE(status.ok()) << status;
}

TEST(PostgresJobStore, SaysWithoutItsAddressThatNobodyIsThere) {
  const auto store = OpenPostgresJobStore("host=127.0.0.1 port=1 password=secret-canary");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store.status().message().find("canary"), absl::string_view::npos);
}

}  // namespace
}  // namespace automap
