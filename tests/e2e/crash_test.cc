// Deaths at any moment: nothing acknowledged is lost, nothing happens twice. tests/torture repeats
// what is random more often.
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/jobs/job_state.h"
#include "tests/support/measured.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"
#include "tests/support/stepped_clock.h"

namespace automap {
namespace {

class CrashTest : public ServerTest {
 protected:
  // Creates jobs until the server is gone or `count` are made. Several clients of one round each
  // begin at a number of their own.
  void CreateMany(int round, int count, int first = 0) {
    for (int i = first; i < first + count; ++i) {
      const std::string id = absl::StrCat("request ", round, " ", i);
      grpc::Status status;
      const v1::PlanJob job = Create(Spec("ok", round * kIds + i), id, &status);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (status.ok()) acknowledged_[id] = job.name();
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return;
    }
  }

  size_t acknowledged() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return acknowledged_.size();
  }

  static constexpr int kIds = 100'000;  // of one round
  std::mutex mutex_;
  // What clients know: the job that each request id was answered with.
  std::map<std::string, std::string> acknowledged_;

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
    EXPECT_EQ(Create(Spec("ok", round * kIds + index), id).name(), name);
  }
};

// No round begins after as many seconds as AUTOMAP_CRASH_SECONDS says.
absl::Time LastRound() {
  const char* seconds = std::getenv("AUTOMAP_CRASH_SECONDS");
  return seconds == nullptr ? absl::InfiniteFuture() : absl::Now() + absl::Seconds(atoi(seconds));
}

TEST_F(CrashTest, AServerThatIsKilledAtRandomLosesNoAcknowledgedJob) {
  constexpr int kClients = 16;
  const absl::Time last = LastRound();
  std::mt19937 random(7);
  std::vector<double> starts;
  absl::Duration lived;
  for (int round = 0; round < Times(8, 1000) && absl::Now() < last; ++round) {
    const absl::Time begin = absl::Now();
    std::vector<std::thread> clients;
    for (int client = 0; client < kClients; ++client)
      clients.emplace_back([=, this] { CreateMany(round, 1000, 1000 * client); });
    // In every other round once it has acknowledged something, as a busy machine takes its time.
    const size_t before = acknowledged();
    for (int i = 0; i < 1000 && round % 2 == 0 && acknowledged() == before; ++i)
      absl::SleepFor(absl::Milliseconds(5));
    absl::SleepFor(absl::Milliseconds(random() % 60));
    kill(server_, SIGKILL);
    const absl::Time end = absl::Now();
    lived += end - begin;
    for (std::thread& client : clients) client.join();
    StopServer(SIGKILL);
    StartServer();
    starts.push_back(absl::ToDoubleSeconds(absl::Now() - end));
  }
  EXPECT_GT(acknowledged_.size(), 0u);
  CheckAll();
  Measured(absl::StrCat("R1: kills under ", kClients, " clients"), "1000, serving again in 1 s p99",
           absl::StrFormat("%d, %d jobs acknowledged, %.0f/s, serving again p50 %.2f s, p99 %.2f s",
                           starts.size(), acknowledged_.size(),
                           static_cast<double>(acknowledged_.size()) / absl::ToDoubleSeconds(lived),
                           Quantile(starts, 0.5), Quantile(starts, 0.99)));
}

TEST_F(CrashTest, AServerOfManyJobsServesSoonAfterItsDeath) {
  const std::vector<std::string> flags = {"--workers=0", "--max-queued-jobs=1000000",
                                          "--max-queued-jobs-per-caller=1000000"};
  const int jobs = Times(2000, 100'000);
  StopServer(SIGKILL);
  StartServer(flags);
  std::vector<std::thread> clients;
  for (int client = 0; client < 16; ++client)
    clients.emplace_back([=, this] { CreateMany(1, jobs / 16, client * (jobs / 16)); });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(acknowledged_.size(), static_cast<size_t>(jobs / 16 * 16));
  std::vector<double> seconds;
  for (int i = 0; i < Times(3, 100); ++i) {
    StopServer(SIGKILL);
    const absl::Time begin = absl::Now();
    SpawnServer(flags, {});
    ASSERT_TRUE(WaitUntilServing());
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - begin));
    Connect();
    EXPECT_EQ(Get(acknowledged_.begin()->second).state(), v1::PlanJob::PENDING);
  }
  Measured(absl::StrCat("R1: from a start to serving, ", jobs, " jobs stored"), "p99 1 s",
           absl::StrFormat("p50 %.2f s, p99 %.2f s, %d starts", Quantile(seconds, 0.5),
                           Quantile(seconds, 0.99), seconds.size()));
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
  std::vector<double> seconds;
  for (int round = 0; round < Times(2, 100); ++round) {
    // The server is started by this thread: it dies with the thread that made it.
    std::thread client([round, channel = channel_] { CreateWithRetries(round, channel); });
    absl::SleepFor(absl::Milliseconds(300));
    const absl::Time begin = absl::Now();
    const int status = StopServer(SIGTERM);
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - begin));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    StartServer();
    client.join();
  }
  Measured("R12: from SIGTERM to the end, clients that retry meanwhile", "at most 15 s",
           absl::StrFormat("%.2f s, %d drains", Quantile(seconds, 1), seconds.size()));
  EXPECT_LT(Quantile(seconds, 1), 15);
}

}  // namespace
}  // namespace automap
