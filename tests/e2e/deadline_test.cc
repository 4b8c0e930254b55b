// The real worker under a limit of one second: the best plan so far, verified.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "tests/support/files.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

struct Case {
  const char* name;
  const char* module;
  const char* strategy;
};

class DeadlineTest : public ServerTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    StartServer({"--worker-program=" + ProductProgram("automap-worker"),
                 "--worker-memory-bytes=6442450944", "--workers=1", "--worker-cpu-seconds=60",
                 "--overrun-grace=600"});
  }

  static v1::CreatePlanJobRequest Request(const Case& of) {
    v1::CreatePlanJobRequest request;
    request.mutable_spec()->set_inline_hlo(
        ReadTestData(absl::StrCat("zoo/", of.module, ".hlo.pb.gz")));
    request.mutable_spec()->set_cluster_preset("v100x8x4-25gbps");
    request.mutable_spec()->mutable_options()->set_strategy(of.strategy);
    request.mutable_spec()->mutable_options()->set_ignore_memory(true);
    request.mutable_options()->mutable_run_timeout()->set_seconds(1);
    return request;
  }
};

// On a busy machine a second on the clock may be little work and the rest take minutes, so what is
// judged is the worker's own CPU time: with more than a minute of it the kernel ends it, as often
// as the job begins again, and the job fails.
TEST_P(DeadlineTest, GivesTheBestPlanSoFar) {
  const v1::PlanJob job = CreateWith(Request(GetParam()));
  const std::vector<v1::PlanEvent> events = Watch(job.name());
  ASSERT_TRUE(events.back().has_final_plan()) << Get(job.name()).error().message();
  const v1::Plan& plan = events.back().final_plan();
  EXPECT_GT(plan.cost().step_time_s(), 0);
  EXPECT_FALSE(plan.shardings().empty());
  for (const v1::PlanEvent& event : events) {
    if (!event.has_improved_plan()) continue;
    EXPECT_LE(plan.cost().step_time_s(), event.improved_plan().cost().step_time_s() * (1 + 1e-9));
  }
  const v1::PlanJob done = Get(job.name());
  EXPECT_EQ(done.state(), v1::PlanJob::SUCCEEDED);
  using google::protobuf::util::TimeUtil;
  std::printf("%s: %.1f s from start to verified plan, %.2f s of search, %s\n", GetParam().name,
              TimeUtil::DurationToMilliseconds(done.end_time() - done.start_time()) / 1e3,
              plan.search().wall_s(), plan.bound().proof().c_str());
}

INSTANTIATE_TEST_SUITE_P(Modules, DeadlineTest,
                         testing::Values(Case{"T5", "t5-11b-paper", "auto"},
                                         Case{"T5InStages", "t5-11b-paper", "pp"},
                                         Case{"T5Hybrid", "t5-3b", "hybrid"},
                                         Case{"Bert", "bert-48", "auto"},
                                         Case{"BertInStages", "bert-48", "pp"}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace automap
