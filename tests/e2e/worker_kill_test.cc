// The real worker, killed while it searches: the plan is the undisturbed run's, byte for byte.
#include <signal.h>

#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

class WorkerKillTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    StartServer({"--worker-program=" AUTOMAP_BIN_DIR "/automap-worker",
                 "--worker-memory-bytes=6442450944", "--workers=1"});
  }

  static v1::CreatePlanJobRequest Request(uint64_t seed) {
    std::stringstream bytes;
    bytes << std::ifstream(AUTOMAP_TEST_DATA "/zoo/mlp.hlo.pb.gz", std::ios::binary).rdbuf();
    v1::CreatePlanJobRequest request;
    request.mutable_spec()->set_inline_hlo(bytes.str());
    request.mutable_spec()->set_cluster_preset("v100x4x1-25gbps");
    request.mutable_spec()->mutable_options()->set_seed(seed);
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

  // Kills every worker of the server.
  int KillWorkers() {
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
  for (int round = 0; round < Times(3, 100); ++round) {
    const std::string undisturbed = PlanOf(CreateWith(Request(round)).name());
    const std::string job = CreateWith(Request(round)).name();
    for (int i = 0; i < 2; ++i) {
      absl::SleepFor(absl::Milliseconds(20 + random() % 300));
      if (Get(job).state() == v1::PlanJob::RUNNING) killed += KillWorkers();
    }
    EXPECT_TRUE(PlanOf(job) == undisturbed) << "seed " << round;
  }
  EXPECT_GT(killed, 0) << "nothing was disturbed";
}

}  // namespace
}  // namespace automap
