// Several servers on one PostgreSQL.
#include <signal.h>

#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/support/job_history.h"
#include "tests/support/measured.h"
#include "tests/support/postgres.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"
#include "tests/support/stepped_clock.h"

namespace automap {
namespace {

// `Use(i)` makes the fixture's members those of replica i.
class ReplicasTest : public ServerTest {
 protected:
  struct Replica {
    int port, http_port;
    pid_t pid = 0;
  };

  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    std::ofstream(folder_ / "database") << database_.NewDatabase() << "\n";
    for (int i = 0; i < 3; ++i) {
      replicas_.push_back({FreePort(), FreePort()});
      StartReplica(i);
    }
  }

  void TearDown() override {
    for (size_t i = 0; i < replicas_.size(); ++i) StopReplica(static_cast<int>(i), SIGKILL);
    server_ = 0;
    ServerTest::TearDown();
  }

  void StartReplica(int i, const std::vector<std::string>& environment = {}) {
    port_ = replicas_[i].port;
    http_port_ = replicas_[i].http_port;
    StartServer({"--store=postgres", "--lease=2", "--workers=1", "--checkpoint-interval=0.1",
                 absl::StrCat("--checkpoints-dir=", (folder_ / "checkpoints").string()),
                 absl::StrCat("--database-file=", (folder_ / "database").string()),
                 absl::StrCat("--modules-dir=", (folder_ / "modules").string()),
                 absl::StrCat("--data-dir=", (folder_ / absl::StrCat("data", i)).string())},
                environment);
    replicas_[i].pid = server_;
  }

  void StopReplica(int i, int signal_number) {
    server_ = replicas_[i].pid;
    if (server_ > 0) StopServer(signal_number);
    replicas_[i].pid = 0;
  }

  void Use(int i) {
    port_ = replicas_[i].port;
    http_port_ = replicas_[i].http_port;
    server_ = replicas_[i].pid;
    Connect();
  }

  // Which replica runs the only job; -1 when none does in time.
  int WaitForRunner();
  // Seconds until every replica has made a job.
  double SecondsUntilAllCreate(int round);

  Postgres database_;
  std::vector<Replica> replicas_;
};

TEST_F(ReplicasTest, AnyReplicaServesAnyJobAndItsStream) {
  Use(0);
  const std::string job = Create(Spec("slow")).name();
  const std::vector<v1::PlanEvent> first = Watch(job);
  ASSERT_TRUE(first.back().has_final_plan());
  std::string token;
  for (const v1::PlanEvent& event : first) {
    if (event.has_improved_plan()) token = event.resume_token();
  }
  Use(1);
  const std::vector<v1::PlanEvent> rest = Watch(job, token);
  EXPECT_TRUE(rest.back().has_final_plan());
  EXPECT_EQ(rest.back().sequence(), first.back().sequence());
  Use(2);
  EXPECT_TRUE(Create(Spec("slow")).from_cache());
}

TEST_F(ReplicasTest, AWatcherThatChangesReplicasGetsEverythingOnceAndInOrder) {
  std::mt19937 random(3);
  for (int i = 0; i < Times(5, 100); ++i) {
    Use(0);
    const std::string job = Create(Spec("count", i)).name();
    EXPECT_TRUE(IsWhole(WatchInPieces(job, random, [&] { Use(static_cast<int>(random() % 3)); })))
        << i;
  }
}

TEST_F(ReplicasTest, AnyReplicaCancelsAnyJob) {
  Use(0);
  const std::string job = Create(Spec("forever")).name();
  WaitForState(job, v1::PlanJob::RUNNING);
  for (int i = 1; i < 3; ++i) {
    Use(i);
    Cancel(job, false);
  }
  EXPECT_EQ(Watch(job).back().state_change().state(), v1::PlanJob::CANCELLED);
}

// Which replica runs the only job.
int RunnerOf(const std::vector<std::string>& metrics) {
  for (size_t i = 0; i < metrics.size(); ++i) {
    if (MetricOf(metrics[i], "automap_workers_busy") == 1) return static_cast<int>(i);
  }
  return -1;
}

int ReplicasTest::WaitForRunner() {
  int runner = -1;
  for (int i = 0; i < 300 && runner < 0; ++i) {
    std::vector<std::string> metrics;
    for (const Replica& replica : replicas_)
      metrics.push_back(HttpGet(replica.http_port, "/metrics"));
    runner = RunnerOf(metrics);
    absl::SleepFor(absl::Milliseconds(20));
  }
  return runner;
}

TEST_F(ReplicasTest, AnotherReplicaGoesOnFromTheCheckpointOfOneThatWasKilled) {
  constexpr char kWritten[] = "automap_checkpoints_total{outcome=\"written\"}";
  constexpr char kResumed[] = "automap_checkpoints_total{outcome=\"resumed\"}";
  Use(0);
  const std::string job = Create(Spec("count 150")).name();
  const int runner = WaitForRunner();
  ASSERT_GE(runner, 0);
  Use(runner);
  WaitForMetric(kWritten, 3);
  StopReplica(runner, SIGKILL);
  double resumed = 0;
  Use((runner + 1) % 3);
  EXPECT_TRUE(Watch(job).back().has_final_plan());
  for (int other = 1; other < 3; ++other) {
    Use((runner + other) % 3);
    resumed += MetricOf(Metrics(), kResumed);
  }
  EXPECT_EQ(resumed, 1);
}

TEST_F(ReplicasTest, EveryReplicaShowsTheProgressOfAJobThatAnotherRuns) {
  Use(0);
  const std::string job = Create(Spec("slow")).name();
  const int runner = WaitForRunner();
  ASSERT_GE(runner, 0);
  Use((runner + 1) % 3);
  int64_t shown = 0, last = 0;
  for (const v1::PlanEvent& event : Watch(job)) {
    if (!event.has_progress()) continue;
    ++shown;
    EXPECT_GE(event.progress().decisions(),
              event.progress().phase() == v1::Progress::SEARCHING ? last : 0);
    last = event.progress().decisions();
  }
  EXPECT_GE(shown, 2);
  const std::string another = Create(Spec("forever")).name();
  for (int i = 0; i < 3; ++i) {
    Use(i);
    int64_t decisions = 0;
    for (int look = 0; look < 600 && decisions == 0; ++look) {
      decisions = Get(another).progress().decisions();
      absl::SleepFor(absl::Milliseconds(50));
    }
    EXPECT_GT(decisions, 0) << i;
  }
  Cancel(another, false);
}

// Leases run on the database's clock.
TEST_F(ReplicasTest, AClockThatStepsStealsNoLease) {
  if (!SteppedClock::IsInstalled()) GTEST_SKIP() << "libfaketime is not installed";
  const SteppedClock clock(folder_);
  StopReplica(1, SIGKILL);
  StartReplica(1, clock.environment());
  Use(0);
  std::vector<std::string> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(Create(Spec("slow", i)).name());
  for (const std::string& job : jobs) WaitForState(job, v1::PlanJob::RUNNING);
  for (const char* offset : {"+3600", "-3600", "+0"}) {
    absl::SleepFor(absl::Milliseconds(500));
    clock.Set(offset);
  }
  for (const std::string& job : jobs) {
    EXPECT_TRUE(Watch(job).back().has_final_plan());
    EXPECT_EQ(Get(job).attempts(), 1);
  }
  for (int i = 0; i < 3; ++i) {
    Use(i);
    EXPECT_EQ(MetricOf(Metrics(), "automap_fence_rejections_total"), 0) << i;
  }
}

TEST_F(ReplicasTest, AStoppedReplicaLosesItsJobAndWritesNothingAfterwards) {
  for (int trial = 0; trial < Times(1, 200); ++trial) {
    Use(0);
    const std::string job = Create(Spec("slow", trial)).name();
    const int runner = WaitForRunner();
    ASSERT_GE(runner, 0);
    kill(replicas_[runner].pid, SIGSTOP);
    Use((runner + 1) % 3);
    const v1::PlanEvent last = Watch(job).back();
    EXPECT_TRUE(last.has_final_plan());
    EXPECT_EQ(Get(job).attempts(), 1) << "a lost runner is no failed attempt";
    kill(replicas_[runner].pid, SIGCONT);
    Use(runner);
    WaitForMetric("automap_fence_rejections_total", 1);
    EXPECT_EQ(Watch(job).back().sequence(), last.sequence()) << "nothing was added";
  }
}

double ReplicasTest::SecondsUntilAllCreate(int round) {
  const absl::Time begin = absl::Now();
  for (size_t i = 0; i < replicas_.size(); ++i) {
    const auto stub = v1::Planner::NewStub(grpc::CreateChannel(
        absl::StrCat("127.0.0.1:", replicas_[i].port), grpc::InsecureChannelCredentials()));
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = Spec("ok", 10'000'000 + round * 10 + i);
    grpc::Status status;
    do {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
      v1::PlanJob job;
      status = stub->CreatePlanJob(&context, request, &job);
      if (!status.ok()) absl::SleepFor(absl::Milliseconds(10));
    } while (!status.ok() && absl::Now() < begin + absl::Seconds(60));
    EXPECT_TRUE(status.ok()) << i << ": " << status.error_message();
  }
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

// Jobs that are made, read and cancelled on any replica; what is answered goes into the history.
void UseAnyReplica(const std::vector<int>& ports, int client, const std::atomic<bool>& ends,
                   JobHistory& history) {
  std::mt19937 random(100 + client);
  std::string name;
  for (int i = 0; !ends; ++i) {
    const auto stub = v1::Planner::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", ports[random() % ports.size()]),
                            grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    v1::PlanJob job;
    const int64_t begun = name.empty() ? 0 : history.Begin(name);
    grpc::Status status;
    if (name.empty()) {
      v1::CreatePlanJobRequest request;
      request.mutable_spec()->set_inline_hlo_text("slow-ish");
      request.mutable_spec()->set_cluster_preset("v100x4x1-25gbps");
      request.mutable_spec()->mutable_options()->set_seed(uint64_t{1'000'000} * (client + 1) + i);
      status = stub->CreatePlanJob(&context, request, &job);
    } else if (i % 11 == 0) {
      v1::CancelPlanJobRequest request;
      request.set_name(name);
      status = stub->CancelPlanJob(&context, request, &job);
    } else {
      v1::GetPlanJobRequest request;
      request.set_name(name);
      status = stub->GetPlanJob(&context, request, &job);
    }
    if (status.ok()) history.End(begun, job);
    if (status.ok()) name = i % 15 == 0 ? "" : job.name();
    absl::SleepFor(absl::Milliseconds(5));
  }
}

TEST_F(ReplicasTest, KilledReplicasAndADatabaseThatRestartsLoseNothing) {
  std::atomic<bool> ends = false;
  std::mutex mutex;
  std::map<std::string, std::string> acknowledged;
  std::vector<std::thread> clients;
  JobHistory history;
  std::vector<int> ports;
  for (const Replica& replica : replicas_) ports.push_back(replica.port);
  for (int client = 0; client < Times(2, 12); ++client)
    clients.emplace_back([&, client] { UseAnyReplica(ports, client, ends, history); });
  for (int client = 0; client < 3; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 random(client);
      for (int i = 0; !ends; ++i) {
        v1::CreatePlanJobRequest request;
        *request.mutable_spec() = Spec("ok", client * 100'000 + i);
        request.set_request_id(absl::StrCat(client, " ", i));
        // To any replica, until one has answered; then to another, which must say the same.
        for (int answers = 0, attempt = 0; answers < 2 && attempt < 400; ++attempt) {
          const Replica& replica = replicas_[random() % replicas_.size()];
          const auto stub = v1::Planner::NewStub(grpc::CreateChannel(
              absl::StrCat("127.0.0.1:", replica.port), grpc::InsecureChannelCredentials()));
          grpc::ClientContext context;
          context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
          v1::PlanJob job;
          if (!stub->CreatePlanJob(&context, request, &job).ok()) continue;
          ++answers;
          const std::lock_guard<std::mutex> lock(mutex);
          const auto known = acknowledged.emplace(request.request_id(), job.name());
          EXPECT_EQ(known.first->second, job.name()) << "one id, two jobs";
        }
        absl::SleepFor(absl::Milliseconds(20));
      }
    });
  }
  std::mt19937 random(5);
  std::vector<double> back;  // after the database took connections again
  const auto goes_on = [&](int round) {
    return round < Times(5, 300) || (round < Times(5, 3000) && history.answers() < 100'000);
  };
  for (int round = 0; goes_on(round); ++round) {
    absl::SleepFor(absl::Milliseconds(400));
    if (round % 5 == 2) {
      database_.Kill();
      database_.Start();
      back.push_back(SecondsUntilAllCreate(round));
    } else {
      const int victim = static_cast<int>(random() % replicas_.size());
      StopReplica(victim, SIGKILL);
      StartReplica(victim);
    }
  }
  ends = true;
  for (std::thread& client : clients) client.join();
  for (const std::string& objection : history.Check()) ADD_FAILURE() << objection;
  EXPECT_GT(history.answers(), 50);
  Measured("R4: answers of killed replicas that the model of a job explains", "all",
           absl::StrCat(history.answers(), " and ", acknowledged.size(), " jobs acknowledged"));
  EXPECT_GT(acknowledged.size(), 10u);
  Measured("R4: from a database that takes connections again to a job made on each replica",
           "at most 5 s",
           absl::StrFormat("p50 %.2f s, at most %.2f s, %d restarts", Quantile(back, 0.5),
                           Quantile(back, 1), back.size()));
  EXPECT_LT(Quantile(back, 1), 5);
  Use(0);
  for (const auto& [id, name] : acknowledged) {
    const std::vector<v1::PlanEvent> events = Watch(name);
    EXPECT_TRUE(events.back().has_final_plan()) << name;
    int64_t sequence = 0, plans = 0;
    for (const v1::PlanEvent& event : events) {
      plans += event.has_final_plan();
      if (event.has_snapshot() || event.has_progress() || event.has_bookmark()) continue;
      EXPECT_EQ(event.sequence(), ++sequence) << name;
    }
    EXPECT_EQ(plans, 1) << name;
  }
}

}  // namespace
}  // namespace automap
