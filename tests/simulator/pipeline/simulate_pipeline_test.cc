#include "simulator/pipeline/simulate_pipeline.h"

#include <cmath>

#include "absl/strings/match.h"
#include "tests/contracts/pipeline_contract.h"

namespace automap {
namespace {

PipelineRun Simulate(const Pipeline& pipeline, const char* schedule, bool keep_events = false) {
  return *SimulatePipeline(pipeline, *FindPipelineSchedule(schedule), keep_events);
}

class Schedules : public testing::TestWithParam<PipelineScheduleRow> {};
TEST_P(Schedules, KeepTheContract) { CheckPipelineContract(*GetParam().schedule); }
INSTANTIATE_TEST_SUITE_P(Catalog, Schedules,
                         testing::ValuesIn(PipelineScheduleCatalog().begin(),
                                           PipelineScheduleCatalog().end()),
                         [](const auto& test) {
                           return absl::StartsWith(test.param.name, "1") ? std::string("OneFOneB")
                                                                         : test.param.name;
                         });

TEST(SimulatePipeline, BalancedStagesHaveTheClosedForm) {
  for (const int groups : {1, 2, 4, 8, 32}) {
    for (const int rounds : {1, 2, 5}) {
      const int m = rounds * groups;
      const double f = 0.37, b = 0.81;
      const double expected = (m + groups - 1) * (f + b);
      for (const char* schedule : {"GPIPE", "1F1B"}) {
        const double length = Simulate(BalancedPipeline(groups, 1, m, f, b), schedule).length.value;
        EXPECT_NEAR(length, expected, 1e-9 * expected) << schedule << " " << groups << " " << m;
      }
      for (const int chunks : {1, 2, 3}) {
        const double least = (chunks * m + groups - 1) * (f + b);
        const double length =
            Simulate(BalancedPipeline(groups, chunks, m, f, b), "INTERLEAVED_1F1B").length.value;
        EXPECT_NEAR(length, least, 1e-9 * least) << chunks << " " << groups << " " << m;
      }
    }
  }
}

TEST(SimulatePipeline, FourStagesOfTwelveBertLayers) {
  const PipelineRun run = Simulate(BalancedPipeline(4, 1, 8, 12 * 2.69e-3, 12 * 4.47e-3), "1F1B");
  EXPECT_NEAR(run.length.value, 0.94512, 1e-9);
  EXPECT_NEAR(run.BubbleShare(), 3.0 / 11, 1e-9);
}

TEST(SimulatePipeline, HoldsAsManyMicroBatchesAsItsSchedule) {
  Pipeline pipeline = BalancedPipeline(4, 1, 8, 1, 2);
  for (PipelineStage& stage : pipeline.stages) stage.activations = {1}, stage.resident = {100};
  for (int group = 0; group < 4; ++group) {
    EXPECT_EQ(Simulate(pipeline, "1F1B").peak[group].value, 100 + 4 - group);
    EXPECT_EQ(Simulate(pipeline, "GPIPE").peak[group].value, 100 + 8);
  }
  Pipeline interleaved = BalancedPipeline(4, 2, 8, 1, 2);
  for (PipelineStage& stage : interleaved.stages) stage.activations = {1};
  EXPECT_EQ(Simulate(interleaved, "INTERLEAVED_1F1B").peak[0].value, 4 * 2 + 3)
      << "1 + (S - 1) / (S v) as much as without interleaving";
}

TEST(SimulatePipeline, TransfersOverlapWithCompute) {
  Pipeline pipeline = BalancedPipeline(2, 1, 10, 1, 1);
  pipeline.stages[0].send = pipeline.stages[0].send_back = {0.5};
  EXPECT_NEAR(Simulate(pipeline, "GPIPE").length.value, 2 * (1 + 0.5 + 10), 1e-9)
      << "one transfer each way is seen, the others are hidden";
  pipeline.stages[0].send = {3};
  EXPECT_NEAR(Simulate(pipeline, "GPIPE").length.value, (1 + 10 * 3 + 1) + (10 + 0.5 + 1), 1e-9)
      << "the link is the slowest stage";
}

TEST(SimulatePipeline, GradientsOfLaterStagesAreReducedDuringTheDrain) {
  Pipeline pipeline = BalancedPipeline(4, 1, 4, 1, 2);
  const double length = Simulate(pipeline, "1F1B").length.value;
  pipeline.stages[3].gradient_sync = {5};
  pipeline.stages[3].update = {1};
  EXPECT_NEAR(Simulate(pipeline, "1F1B").length.value, length, 1e-9) << "three backwards hide 6 s";
  pipeline.stages[0].gradient_sync = {5};
  EXPECT_NEAR(Simulate(pipeline, "1F1B").length.value, length + 5, 1e-9)
      << "nothing hides the first's";
}

TEST(SimulatePipeline, EventsOfAGroupNeverOverlap) {
  Pipeline pipeline = BalancedPipeline(3, 2, 6, 1, 1.5);
  for (PipelineStage& stage : pipeline.stages) stage.send = stage.send_back = {0.3};
  const PipelineRun run = Simulate(pipeline, "INTERLEAVED_1F1B", true);
  std::vector<double> free(3, 0);
  int tasks = 0;
  for (const PipelineEvent& event : run.events) {
    if (event.kind == PipelineEventKind::kSend || event.kind == PipelineEventKind::kSendBack)
      continue;
    EXPECT_GE(event.start.value, free[event.group]);
    free[event.group] = event.end.value;
    ++tasks;
  }
  EXPECT_EQ(tasks, 2 * 6 * 6);
}

TEST(SimulatePipeline, RefusesWhatItCannotRun) {
  const auto refusal = [](const Pipeline& pipeline, const char* schedule) {
    return std::string(
        SimulatePipeline(pipeline, *FindPipelineSchedule(schedule)).status().message());
  };
  EXPECT_TRUE(absl::StrContains(refusal({}, "1F1B"), "pipeline.stages: none"));
  EXPECT_TRUE(absl::StrContains(refusal(BalancedPipeline(2, 1, 0, 1, 1), "1F1B"),
                                "pipeline.micro_batches: 0"));
  EXPECT_TRUE(
      absl::StrContains(refusal(BalancedPipeline(2, 2, 2, 1, 1), "1F1B"), "pipeline.chunks: 2"));
  EXPECT_TRUE(absl::StrContains(refusal(BalancedPipeline(2, 2, 3, 1, 1), "INTERLEAVED_1F1B"),
                                "must be a multiple of the number of device groups, 2"));
  Pipeline broken = BalancedPipeline(2, 1, 2, 1, 1);
  broken.stages[1].send_back = {std::nan("")};
  EXPECT_TRUE(absl::StrContains(refusal(broken, "GPIPE"), "pipeline.stages[1].send_back: nan"));
}

}  // namespace
}  // namespace automap
