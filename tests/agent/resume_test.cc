// Training that was interrupted goes on as if it had not been.
#include <gtest/gtest.h>

#include <vector>

#include "agent/agents.h"
#include "agent/presets.h"
#include "tests/support/toy_environments.h"

namespace automap {
namespace {

struct Training {
  std::vector<EpisodeReport> reports;
  std::vector<std::string> states;  // after each episode but the last
  TrainingResult result;
};

Training TrainFrom(const AgentOptions& options, const std::string& state, int64_t decisions = 700) {
  Training run;
  ToyCliff cliff(4, 3, 40);
  const TrainingCheckpoints checkpoints = {state, [] { return true; },
                                           [&](std::string made) { run.states.push_back(made); }};
  const auto result = TrainAgent(
      cliff, options, 3, decisions,
      [&](const EpisodeReport& report) {
        run.reports.push_back(report);
        return true;
      },
      checkpoints);
  EXPECT_TRUE(result.ok()) << result.status();
  run.result = *result;
  return run;
}

// The reports tell every return; the states hold every parameter, moment, priority and random
// number.
TEST(Resume, TrainingGoesOnToTheBitFromAnyEpisode) {
  for (const AgentOptions& options : {DefaultAgent(), PaperAgent(), PipelineAgent()}) {
    const Training whole = TrainFrom(options, "");
    ASSERT_GT(whole.states.size(), 10u);
    for (size_t at = 0; at < whole.states.size(); at += 1 + whole.states.size() / 8) {
      const Training rest = TrainFrom(options, whole.states[at]);
      EXPECT_EQ(rest.result, whole.result) << at;
      ASSERT_EQ(rest.reports.size(), whole.reports.size() - at - 1);
      EXPECT_EQ(rest.reports.back(), whole.reports.back());
      const std::string& last = rest.states.empty() ? whole.states[at] : rest.states.back();
      EXPECT_TRUE(last == whole.states.back()) << at;
    }
  }
}

TEST(Resume, AStateOfAnotherTrainingIsRefused) {
  const Training whole = TrainFrom(DefaultAgent(), "");
  ToyChain chain(5);
  const TrainingCheckpoints checkpoints = {whole.states.back(), nullptr, nullptr};
  const auto result = TrainAgent(
      chain, PaperAgent(), 3, 100, [](const EpisodeReport&) { return true; }, checkpoints);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace automap
