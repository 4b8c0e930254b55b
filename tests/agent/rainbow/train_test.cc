#include "agent/rainbow/train.h"

#include <gtest/gtest.h>

#include "agent/presets.h"
#include "tests/support/toy_environments.h"

namespace automap {
namespace {

constexpr int kSeeds = 5;

// What training left behind.
struct Trained {
  TrainingResult result;
  double greedy_return = 0;  // of one more episode at epsilon 0
};

Trained TrainOn(Environment& environment, const AgentOptions& options, uint64_t seed,
                int64_t decisions) {
  RainbowAgent agent(environment.observation_size(), environment.num_actions(), options, seed);
  const auto result =
      Train(environment, agent, decisions, [](const EpisodeReport&) { return true; });
  EXPECT_TRUE(result.ok()) << result.status();
  return {*result, PlayGreedily(environment, agent)};
}

TEST(Train, ReachesTheOptimumOfTheBandit) {
  for (const AgentOptions& options : {DefaultAgent(), PaperAgent()}) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const std::vector<double> rewards = {0.2, -1, 0.9, 1, 0.5};
      ToyBandit bandit(rewards);
      EXPECT_EQ(TrainOn(bandit, options, seed, 800).greedy_return, 1) << seed;
    }
  }
}

TEST(Train, ReachesTheOptimumOfTheChain) {
  for (const AgentOptions& options : {DefaultAgent(), PaperAgent()}) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      ToyChain chain(5);
      const Trained trained = TrainOn(chain, options, seed, 2000);
      EXPECT_EQ(trained.greedy_return, 1) << seed;
      EXPECT_EQ(trained.result.best_return, 1) << seed;
    }
  }
}

// Grabbing pays at the first place, and is out of reach at the others.
TEST(Train, ReachesTheOptimumWhereTheBestActionIsMostlyIllegal) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    ToyChain chain(4, /*grab_reward=*/0.6);
    EXPECT_EQ(TrainOn(chain, DefaultAgent(), seed, 3000).greedy_return, 1) << seed;
  }
}

// At random the goal is seldom reached without falling, so that this one needs a longer look
// around.
TEST(Train, ReachesTheOptimumOfTheCliff) {
  AgentOptions options = DefaultAgent();
  options.epsilon_updates = 1500;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    ToyCliff cliff(4, 3, 40);
    EXPECT_NEAR(TrainOn(cliff, options, seed, 10000).greedy_return, -0.5, 1e-9) << seed;
  }
}

TEST(Train, LearnsTheKnownQOfTheBandit) {
  AgentOptions options = PaperAgent();
  options.epsilon_end = 1;
  options.hidden_units = 32;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::vector<double> rewards = {0.2, -1, 0.9};
    ToyBandit bandit(rewards);
    RainbowAgent agent(1, 3, options, seed);
    ASSERT_TRUE(Train(bandit, agent, 1000, [](const EpisodeReport&) { return true; }).ok());
    const std::vector<float> q = agent.Q({1.0f});
    for (int arm = 0; arm < 3; ++arm) EXPECT_NEAR(q[arm], rewards[arm], 0.03) << seed;
  }
}

TEST(Train, LearnsTheKnownQOfTheChain) {
  AgentOptions options = PaperAgent();
  options.discount = 0.9;
  options.epsilon_end = 0.3;
  options.hidden_units = 32;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    ToyChain chain(4);
    RainbowAgent agent(chain.observation_size(), 2, options, seed);
    ASSERT_TRUE(Train(chain, agent, 3000, [](const EpisodeReport&) { return true; }).ok());
    for (int place = 0; place < 4; ++place) {
      const std::vector<float> q = agent.Q(chain.ObservationAt(place));
      EXPECT_NEAR(q[ToyChain::kGoOn], std::pow(0.9, 3 - place), 0.07) << seed << " at " << place;
      EXPECT_NEAR(q[ToyChain::kLeave], ToyChain::kLeaveReward, 0.07) << seed << " at " << place;
    }
  }
}

}  // namespace
}  // namespace automap
