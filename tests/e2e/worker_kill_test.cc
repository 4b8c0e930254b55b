// The real worker, killed while it searches: the plan is the undisturbed run's, byte for byte.
#include <signal.h>

#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/jobs/job_state.h"
#include "tests/support/files.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

class WorkerKillTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    StartSearching();
  }

  void StartSearching() {
    StartServer({"--worker-program=" + ProductProgram("automap-worker"),
                 "--worker-memory-bytes=6442450944", "--workers=1", "--paused-jobs=0",
                 "--checkpoint-interval=0.05"});
  }

  double Checkpoints(const std::string& outcome) {
    return MetricOf(Metrics(),
                    absl::StrCat("automap_checkpoints_total{outcome=\"", outcome, "\"}"));
  }

  static v1::CreatePlanJobRequest Request(uint64_t seed) {
    v1::CreatePlanJobRequest request;
    request.mutable_spec()->set_inline_hlo(ReadTestData("zoo/mlp.hlo.pb.gz"));
    request.mutable_spec()->set_cluster_preset("v100x4x1-25gbps");
    request.mutable_spec()->mutable_options()->set_seed(seed);
    request.mutable_spec()->mutable_options()->set_max_decisions(6000);
    // Otherwise the second run would be answered by the first.
    request.mutable_options()->set_cache_policy(v1::CACHE_POLICY_NO_STORE);
    return request;
  }

  // Without the one field in which two runs may differ.
  std::string PlanOf(const std::string& job) {
    v1::Plan plan = Watch(job).back().final_plan();
    EXPECT_FALSE(plan.shardings().empty()) << Get(job).error().message();
    plan.mutable_search()->clear_wall_s();
    return plan.SerializeAsString();
  }

  // Whether the job got further before it ended.
  bool WaitForCheckpoint(const std::string& job) {
    const double written = Checkpoints("written");
    while (Checkpoints("written") == written) {
      if (IsEnded(Get(job).state())) return false;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return true;
  }

  // Kills every worker of the server, and waits until it knows: a checkpoint that is counted later
  // is another worker's.
  int KillWorkers() {
    const double known = Lost();
    const int killed = KillAtOnce();
    for (int i = 0; i < 200 && killed > 0 && Lost() == known; ++i)
      absl::SleepFor(absl::Milliseconds(10));
    return killed;
  }

 private:
  double Lost() { return MetricOf(Metrics(), "automap_worker_deaths_total{cause=\"crashed\"}"); }

  int KillAtOnce() {
    int killed = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "stat");
      std::string pid, name, state;
      pid_t parent = 0;
      file >> pid >> name >> state >> parent;
      if (file && parent == server_ && kill(std::stoi(pid), SIGKILL) == 0) ++killed;
    }
    return killed;
  }
};

TEST_F(WorkerKillTest, TheKilledRunsPlanIsTheUndisturbedOnes) {
  std::mt19937 random(3);
  int killed = 0;
  for (int round = 0; round < Times(2, 40); ++round) {
    const std::string undisturbed = PlanOf(CreateWith(Request(round)).name());
    const std::string job = CreateWith(Request(round)).name();
    for (int kills = 0; kills < 6 && WaitForCheckpoint(job); ++kills) {
      absl::SleepFor(absl::Milliseconds(random() % 100));
      killed += KillWorkers();
    }
    EXPECT_TRUE(PlanOf(job) == undisturbed) << "seed " << round;
    EXPECT_EQ(Get(job).attempts(), 1) << "a run that got further costs none";
  }
  EXPECT_GE(killed, Times(4, 200)) << "hardly anything was disturbed";
  EXPECT_GE(Checkpoints("resumed"), killed / 2) << "of the kills that hit the search";
  EXPECT_EQ(Checkpoints("ignored"), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "data" / "checkpoints"));
}

struct Case {
  std::string strategy, preset;
};

class KilledStrategyTest : public WorkerKillTest, public testing::WithParamInterface<Case> {};

// Hybrids are asked for in their own shape, so that no other strategy's plan is the answer.
TEST_P(KilledStrategyTest, EndsWithTheUndisturbedPlan) {
  v1::CreatePlanJobRequest request = Request(1);
  request.mutable_spec()->set_cluster_preset("v100x2x2-25gbps");
  v1::PlanOptions& options = *request.mutable_spec()->mutable_options();
  options.set_strategy(GetParam().strategy);
  options.set_preset(GetParam().preset);
  options.set_max_decisions(3000);
  if (options.strategy() == "hybrid") options.set_stages(2), options.set_axis_size(2);
  const std::string undisturbed = PlanOf(CreateWith(request).name());
  const std::string job = CreateWith(request).name();
  const bool is_running = WaitForCheckpoint(job);
  EXPECT_TRUE(is_running) << "the search was over before it could be killed";
  KillWorkers();
  EXPECT_TRUE(PlanOf(job) == undisturbed);
}

INSTANTIATE_TEST_SUITE_P(All, KilledStrategyTest,
                         testing::Values(Case{"adp", "default"}, Case{"adp", "paper"},
                                         Case{"opp", "default"}, Case{"opp", "paper"},
                                         Case{"pp", "default"}, Case{"pp", "paper"},
                                         Case{"hybrid", "default"}, Case{"hybrid", "paper"},
                                         Case{"auto", "default"}, Case{"auto", "paper"}),
                         [](const auto& test) { return test.param.strategy + test.param.preset; });

// Whatever happened to the file: a wrong checkpoint is none.
TEST_F(WorkerKillTest, ADamagedCheckpointIsIgnored) {
  const std::string undisturbed = PlanOf(CreateWith(Request(1)).name());
  std::mt19937 random(4);
  for (const bool cuts : {false, true}) {
    const double written = Checkpoints("written");
    const std::string job = CreateWith(Request(1)).name();
    WaitForMetric("automap_checkpoints_total{outcome=\"written\"}", written + 1);
    StopServer(SIGKILL);
    const std::filesystem::path file =
        folder_ / "data" / "checkpoints" / job.substr(job.find('/') + 1);
    ASSERT_TRUE(std::filesystem::exists(file));
    if (cuts) {
      std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    } else {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(static_cast<int64_t>(random() % std::filesystem::file_size(file)));
      stream.put('\x5a').put('\xa5');
    }
    StartSearching();
    EXPECT_TRUE(PlanOf(job) == undisturbed);
    EXPECT_EQ(Checkpoints("ignored"), 1);
  }
}

}  // namespace
}  // namespace automap
