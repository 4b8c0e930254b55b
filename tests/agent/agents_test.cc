#include "agent/agents.h"

#include <gtest/gtest.h>

#include <vector>

#include "agent/presets.h"
#include "agent/rainbow/train.h"
#include "tests/support/toy_environments.h"

namespace automap {
namespace {

// A chain that notes every action taken on it.
class NotingCliff final : public Environment {
 public:
  int observation_size() const override { return cliff_.observation_size(); }
  int num_actions() const override { return cliff_.num_actions(); }
  void Reset() override { cliff_.Reset(); }
  bool done() const override { return cliff_.done(); }
  void Observe(absl::Span<float> observation) const override { cliff_.Observe(observation); }
  void LegalActions(absl::Span<uint8_t> mask) const override { cliff_.LegalActions(mask); }
  double Step(int action) override {
    actions_.push_back(action);
    return cliff_.Step(action);
  }
  std::unique_ptr<Environment> Clone() const override {
    return std::make_unique<NotingCliff>(*this);
  }
  const std::vector<int>& actions() const { return actions_; }

 private:
  ToyCliff cliff_{4, 3, 40};
  std::vector<int> actions_;
};

struct Training {
  TrainingResult result;
  std::vector<EpisodeReport> reports;
  std::vector<int> actions;
  bool operator==(const Training&) const = default;
};

Training TrainNoting(const AgentOptions& options, uint64_t seed, int64_t max_decisions,
                     int64_t max_episodes = 1000000) {
  Training run;
  NotingCliff cliff;
  const auto result =
      TrainAgent(cliff, options, seed, max_decisions, [&](const EpisodeReport& report) {
        run.reports.push_back(report);
        return report.episode < max_episodes;
      });
  EXPECT_TRUE(result.ok()) << result.status();
  run.result = *result;
  run.actions = cliff.actions();
  return run;
}

TEST(TrainAgent, SameSeedSameActions) {
  for (const AgentOptions& options : {DefaultAgent(), PaperAgent()}) {
    const Training first = TrainNoting(options, 3, 1000);
    EXPECT_EQ(first, TrainNoting(options, 3, 1000));
    EXPECT_NE(first.actions, TrainNoting(options, 4, 1000).actions);
  }
}

TEST(TrainAgent, SameSeedSameParametersToTheBit) {
  std::vector<std::vector<float>> parameters;
  for (const uint64_t seed : {3, 3, 4}) {
    ToyCliff cliff(4, 3, 40);
    RainbowAgent agent(cliff.observation_size(), cliff.num_actions(), DefaultAgent(), seed);
    ASSERT_TRUE(Train(cliff, agent, 1500, [](const EpisodeReport&) { return true; }).ok());
    parameters.push_back(agent.online().parameters);
  }
  EXPECT_EQ(parameters[0], parameters[1]);
  EXPECT_NE(parameters[0], parameters[2]);
}

TEST(TrainAgent, KeepsToItsBudget) {
  for (const int64_t budget : {1, 39, 40, 81, 500}) {
    const Training run = TrainNoting(DefaultAgent(), 1, budget);
    EXPECT_EQ(run.result.decisions, static_cast<int64_t>(run.actions.size()));
    // The first episode is always played.
    EXPECT_TRUE(run.result.decisions <= budget || run.result.episodes == 1) << budget;
    EXPECT_EQ(run.reports.back().decisions, run.result.decisions);
  }
}

TEST(TrainAgent, RollsOutGreedilyNowAndThenAndAtTheEnd) {
  AgentOptions options = DefaultAgent();
  options.greedy_rollout_every = 3;
  const Training run = TrainNoting(options, 1, 800);
  ASSERT_GT(run.reports.size(), 10u);
  for (size_t i = 0; i + 1 < run.reports.size(); ++i) {
    EXPECT_EQ(run.reports[i].greedy, run.reports[i].episode % 3 == 0) << run.reports[i].episode;
  }
  EXPECT_TRUE(run.reports.back().greedy);
  for (const EpisodeReport& report : TrainNoting(PaperAgent(), 1, 300).reports)
    EXPECT_FALSE(report.greedy);
}

TEST(TrainAgent, StopsWhenTheObserverSaysSo) {
  const Training run = TrainNoting(DefaultAgent(), 1, 100000, /*max_episodes=*/7);
  EXPECT_EQ(run.result.episodes, 7);
  EXPECT_EQ(run.reports.size(), 7u);
}

TEST(TrainAgent, ReportsTheBestReturn) {
  const Training run = TrainNoting(DefaultAgent(), 1, 2000);
  double best = run.reports.front().episode_return;
  for (const EpisodeReport& report : run.reports) best = std::max(best, report.episode_return);
  EXPECT_EQ(run.result.best_return, best);
}

}  // namespace
}  // namespace automap
