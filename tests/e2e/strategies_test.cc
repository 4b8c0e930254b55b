// Every strategy and preset through the server and its real worker: progress on the way, and the
// best plan so far after a second.
#include <signal.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/files.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

struct Case {
  std::string strategy, preset;
};

class StrategiesTest : public ServerTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    StartServer({"--worker-program=" + ProductProgram("automap-worker"),
                 "--worker-memory-bytes=6442450944", "--workers=1", "--overrun-grace=20"});
  }

  // Hybrids are asked for in their own shape, so that no other strategy's plan is the answer.
  static v1::CreatePlanJobRequest Request(const char* module) {
    v1::CreatePlanJobRequest request;
    request.mutable_spec()->set_inline_hlo(
        ReadTestData(absl::StrCat("zoo/", module, ".hlo.pb.gz")));
    request.mutable_spec()->set_cluster_preset("v100x2x2-25gbps");
    v1::PlanOptions& options = *request.mutable_spec()->mutable_options();
    options.set_strategy(GetParam().strategy);
    options.set_preset(GetParam().preset);
    options.set_seed(1);
    if (GetParam().strategy == "hybrid") options.set_stages(2), options.set_axis_size(2);
    request.mutable_options()->set_cache_policy(v1::CACHE_POLICY_NO_STORE);
    return request;
  }
};

TEST_P(StrategiesTest, ProgressSaysWhoSearchesAndHowFar) {
  v1::CreatePlanJobRequest request = Request("mlp");
  // Enough to be seen at work: of progress the newest alone is passed on.
  request.mutable_spec()->mutable_options()->set_max_decisions(
      GetParam().preset == "paper" ? 2'000 : 20'000);
  std::set<v1::Progress::Phase> phases;
  std::set<std::string> engines;
  double best = 0, bound = 0;
  const std::vector<v1::PlanEvent> events = Watch(CreateWith(request).name());
  for (const v1::PlanEvent& event : events) {
    if (!event.has_progress()) continue;
    const v1::Progress& progress = event.progress();
    phases.insert(progress.phase());
    if (!progress.engine().empty()) engines.insert(progress.engine());
    best = std::max(best, progress.best_cost_s());
    bound = std::max(bound, progress.lower_bound_s());
  }
  ASSERT_TRUE(events.back().has_final_plan());
  const v1::Plan& plan = events.back().final_plan();
  EXPECT_TRUE(phases.contains(v1::Progress::SEARCHING));
  EXPECT_FALSE(engines.empty());
  EXPECT_GT(best, 0);
  EXPECT_GT(bound, 0);
  EXPECT_TRUE(plan.bound().has_gap());
  EXPECT_EQ(plan.search().preset(), GetParam().preset);
  if (GetParam().strategy == "hybrid") {
    EXPECT_EQ(plan.strategy(), "hybrid");
    EXPECT_EQ(plan.stages_size(), 2);
    EXPECT_EQ(plan.mesh(0).size(), 2);
  }
}

// Times are not judged: the machine may be busy.
TEST_P(StrategiesTest, ASecondIsEnoughForAPlan) {
  v1::CreatePlanJobRequest request = Request("vgg19");
  request.mutable_spec()->mutable_options()->set_max_decisions(100'000'000);
  request.mutable_spec()->mutable_options()->set_ignore_memory(true);
  request.mutable_options()->mutable_run_timeout()->set_seconds(1);
  const v1::PlanJob job = CreateWith(request);
  const std::vector<v1::PlanEvent> events = Watch(job.name());
  ASSERT_TRUE(events.back().has_final_plan()) << Get(job.name()).error().message();
  EXPECT_GT(events.back().final_plan().cost().step_time_s(), 0);
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const char* strategy : {"adp", "opp", "pp", "hybrid", "auto"}) {
    for (const char* preset : {"default", "paper"}) cases.push_back({strategy, preset});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, StrategiesTest, testing::ValuesIn(AllCases()),
                         [](const auto& test) { return test.param.strategy + test.param.preset; });

}  // namespace
}  // namespace automap
