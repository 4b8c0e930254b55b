// Several callers on few workers: who has less than its share does not wait for who has more.
#include <signal.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/sha256.h"
#include "tests/support/measured.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

using Clock = std::chrono::steady_clock;

class SharingTest : public ServerTest {
 protected:
  void Restart(int workers) {
    if (server_ > 0) StopServer(SIGKILL);
    const std::string principals = (folder_ / "principals.json").string();
    std::ofstream(principals) << absl::StrFormat(
        R"({"principals": [{"name": "noisy", "role": "submitter", "tokenSha256": ["%s"]},
                           {"name": "quiet", "role": "submitter", "tokenSha256": ["%s"]},
                           {"name": "all", "role": "operator", "tokenSha256": ["%s"]}]})",
        Sha256Hex("noisy"), Sha256Hex("quiet"), Sha256Hex("all"));
    StartServer({absl::StrFormat("--workers=%d", workers), "--principals=" + principals});
  }

  static void SetUpCall(grpc::ClientContext& context, const std::string& caller) {
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    context.AddMetadata("authorization", "Bearer " + caller);
  }

  std::string CreateAs(const std::string& caller, const v1::PlanSpec& spec,
                       const v1::JobOptions& options = {}) {
    grpc::ClientContext context;
    SetUpCall(context, caller);
    v1::CreatePlanJobRequest request;
    *request.mutable_spec() = spec;
    *request.mutable_options() = options;
    v1::PlanJob job;
    const grpc::Status status = planner_->CreatePlanJob(&context, request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.name();
  }

  v1::PlanJob GetAny(const std::string& name) {
    grpc::ClientContext context;
    SetUpCall(context, "all");
    v1::GetPlanJobRequest request;
    request.set_name(name);
    v1::PlanJob job;
    EXPECT_TRUE(planner_->GetPlanJob(&context, request, &job).ok());
    return job;
  }

  void WaitFor(const std::string& name, v1::PlanJob::State state) {
    const auto end = Clock::now() + kTimeout;
    while (GetAny(name).state() != state) {
      ASSERT_LT(Clock::now(), end) << v1::PlanJob::State_Name(GetAny(name).state());
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  // Milliseconds from the call to the plan.
  double Plan(const std::string& caller, const v1::PlanSpec& spec) {
    grpc::ClientContext context;
    SetUpCall(context, caller);
    v1::PlanRequest request;
    *request.mutable_spec() = spec;
    const auto begin = Clock::now();
    auto reader = planner_->Plan(&context, request);
    v1::PlanEvent event, last;
    while (reader->Read(&event)) last = event;
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_TRUE(last.has_final_plan());
    return 1e3 * std::chrono::duration<double>(Clock::now() - begin).count();
  }
};

std::string Quantiles(const std::vector<double>& values) {
  return absl::StrFormat("p50 %.1f ms, p99 %.1f ms, %d values", Quantile(values, 0.5),
                         Quantile(values, 0.99), values.size());
}

// One caller sends ten jobs for each of the other's.
TEST_F(SharingTest, ANoisyCallerIsItsOwnProblem) {
  Restart(2);
  const auto quiet_times = [&](uint64_t first) {
    std::vector<double> times;
    for (int i = 0; i < Times(20, 300); ++i)
      times.push_back(Plan("quiet", Spec("quick", first + i)));
    return times;
  };
  quiet_times(1'000);  // until all processes are there
  const std::vector<double> alone = quiet_times(10'000);
  std::atomic<bool> ends = false;
  std::atomic<uint64_t> seed = 1'000'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i)
    threads.emplace_back([&] {
      while (!ends) Plan("noisy", Spec("quick", ++seed));
    });
  absl::SleepFor(absl::Milliseconds(300));
  const std::vector<double> beside = quiet_times(100'000);
  ends = true;
  for (std::thread& thread : threads) thread.join();
  Measured("S8: a job of 50 ms beside a caller with ten at once, two workers; alone",
           "p99 at most 20 % more", Quantiles(beside) + "; alone " + Quantiles(alone));
  EXPECT_LT(Quantile(beside, 0.5), 1.6 * Quantile(alone, 0.5)) << "it waits for a running job";
}

TEST_F(SharingTest, ASmallJobDoesNotWaitForALongOneThatLosesNothing) {
  Restart(1);
  const std::string longer = CreateAs("noisy", Spec("slow"));
  WaitFor(longer, v1::PlanJob::RUNNING);
  absl::SleepFor(absl::Milliseconds(200));  // its turn is over
  Plan("quiet", Spec("quick"));
  EXPECT_EQ(GetAny(longer).state(), v1::PlanJob::RUNNING);
  WaitFor(longer, v1::PlanJob::SUCCEEDED);
  EXPECT_EQ(GetAny(longer).attempts(), 1);
}

// Each has a second to run, and gets it.
TEST_F(SharingTest, TimeInAPauseIsNoRunTime) {
  Restart(1);
  v1::JobOptions second;
  second.mutable_run_timeout()->set_seconds(1);
  const auto begin = Clock::now();
  const std::string one = CreateAs("noisy", Spec("forever"), second);
  WaitFor(one, v1::PlanJob::RUNNING);
  const std::string two = CreateAs("quiet", Spec("forever", 1), second);
  WaitForMetric("automap_jobs_paused", 1);
  EXPECT_EQ(MetricOf(Metrics(), "automap_workers_busy"), 1);
  for (const std::string& job : {one, two}) WaitFor(job, v1::PlanJob::SUCCEEDED);
  EXPECT_GT(std::chrono::duration<double>(Clock::now() - begin).count(), 1.9);
  EXPECT_EQ(MetricOf(Metrics(), "automap_jobs_paused"), 0);
}

TEST_F(SharingTest, APausedJobIsCancelledAndDrainedAsAnyOther) {
  Restart(1);
  const std::string kept = CreateAs("noisy", Spec("forever"));
  WaitFor(kept, v1::PlanJob::RUNNING);
  const std::string other = CreateAs("quiet", Spec("forever", 1));
  WaitForMetric("automap_jobs_paused", 1);
  grpc::ClientContext context;
  SetUpCall(context, "all");
  v1::CancelPlanJobRequest request;
  request.set_name(kept);
  request.set_keep_best_plan(true);
  v1::PlanJob job;
  EXPECT_TRUE(planner_->CancelPlanJob(&context, request, &job).ok());
  WaitFor(kept, v1::PlanJob::CANCELLED);
  EXPECT_TRUE(GetAny(kept).has_plan());
  const std::string third = CreateAs("noisy", Spec("slow"));
  WaitForMetric("automap_jobs_paused", 1);
  EXPECT_EQ(StopServer(SIGTERM), 0);
  Restart(2);
  WaitFor(other, v1::PlanJob::RUNNING);
  WaitFor(third, v1::PlanJob::SUCCEEDED);
  EXPECT_EQ(GetAny(third).attempts(), 1);
}

}  // namespace
}  // namespace automap
