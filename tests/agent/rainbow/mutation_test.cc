// Checks that hold for the agent as it is, and fail for each known mistake made on purpose.
#include "agent/rainbow/mutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/presets.h"
#include "agent/rainbow/rainbow_agent.h"
#include "agent/rainbow/train.h"
#include "tests/support/toy_environments.h"

namespace automap {
namespace {

constexpr int kActions = 3;

std::vector<float> RandomObservation(Random& random) {
  std::vector<float> observation(2);
  for (float& value : observation) value = static_cast<float>(2 * random.Uniform() - 1);
  return observation;
}

std::vector<uint8_t> RandomMask(Random& random) {
  std::vector<uint8_t> mask(kActions);
  for (uint8_t& bit : mask) bit = random.Below(2);
  mask[random.Below(kActions)] = 1;
  return mask;
}

// target = reward + bootstrap x Q_target(next, argmax over legal a of Q_online(next, a)), for
// random batches, on an agent whose two networks have drifted apart.
std::string TargetsAreDoubleAndMasked(Mutation mutation) {
  AgentOptions options;
  options.learning_rate = 1e-2;
  options.target_copy_updates = 20;
  RainbowAgent agent(2, kActions, options, /*seed=*/1, mutation);
  Random random(2);
  for (int i = 0; i < 100; ++i) {
    agent.Remember(RandomObservation(random), random.Below(kActions), random.Uniform(),
                   RandomObservation(random), RandomMask(random), i % 5 == 4);
  }
  for (int update = 0; update < 30; ++update) {
    if (!agent.Learn(0).ok()) return "Learn failed";
  }
  for (int i = 0; i < 500; ++i) {
    ReplayBatch batch;
    batch.size = 1;
    batch.next_observations = RandomObservation(random);
    batch.next_masks = RandomMask(random);
    batch.rewards = {static_cast<float>(random.Uniform())};
    batch.bootstraps = {static_cast<float>(random.Uniform())};
    const std::vector<float> online = agent.online().Forward(batch.next_observations, 1);
    const std::vector<float> target = agent.target().Forward(batch.next_observations, 1);
    float largest = -INFINITY, judged = 0;
    for (int a = 0; a < kActions; ++a) {
      if (batch.next_masks[a] == 0 || online[a] <= largest) continue;
      largest = online[a];
      judged = target[a];
    }
    const float expected = batch.rewards[0] + batch.bootstraps[0] * judged;
    const float actual = agent.Targets(batch)[0];
    if (std::abs(actual - expected) > 1e-5) return absl::StrCat(actual, ", expected ", expected);
  }
  return "";
}

// What is remembered of an episode of six steps with n = 3: the discounted return over three steps
// and the weight of the value after them, 0 when the episode has ended.
std::string TransitionsSpanNSteps(Mutation mutation) {
  constexpr int kSteps = 6, kN = 3;
  constexpr double kDiscount = 0.9;
  AgentOptions options;
  options.n_step = kN;
  options.discount = kDiscount;
  RainbowAgent agent(1, kSteps, options, /*seed=*/1, mutation);
  for (int s = 0; s < kSteps; ++s) {
    const std::vector<float> next = {static_cast<float>(s + 1)};
    agent.Remember({static_cast<float>(s)}, s, s + 1, next, std::vector<uint8_t>(kSteps, 1),
                   s + 1 == kSteps);
  }
  Random random(1);
  const ReplayBatch batch = agent.replay().Sample(100, 0, random);
  for (int i = 0; i < batch.size; ++i) {
    const int s = batch.actions[i], end = std::min(kSteps, s + kN);
    double expected = 0;
    for (int t = s; t < end; ++t) expected += std::pow(kDiscount, t - s) * (t + 1);
    if (std::abs(batch.rewards[i] - expected) > 1e-5) {
      return absl::StrCat("reward ", batch.rewards[i], ", expected ", expected);
    }
    const double bootstrap = end == kSteps ? 0 : std::pow(kDiscount, kN);
    if (std::abs(batch.bootstraps[i] - bootstrap) > 1e-5) {
      return absl::StrCat("bootstrap ", batch.bootstraps[i], ", expected ", bootstrap);
    }
  }
  return "";
}

// One state, one action, nine rewards of 0 and one of 1: Q = 0.1. Surprise makes the one be drawn
// more often; with alpha = beta = 1 the weights undo exactly that. Without them q solves 9 q x q =
// (1 - q)^2: q = 0.25.
std::string QIsTheMeanReward(Mutation mutation) {
  AgentOptions options;
  options.priority_alpha = 1;
  options.priority_beta = options.priority_beta_end = 1;
  options.hidden_units = 16;
  options.learning_rate = 3e-3;
  RainbowAgent agent(1, 1, options, /*seed=*/1, mutation);
  for (int i = 0; i < 100; ++i) agent.Remember({1}, 0, i % 10 == 0 ? 1 : 0, {0}, {0}, true);
  double sum = 0;
  for (int update = 0; update < 1500; ++update) {
    if (!agent.Learn(0).ok()) return "Learn failed";
    if (update >= 1000) sum += agent.Q({1.0f})[0] / 500;
  }
  return std::abs(sum - 0.1) < 0.03 ? "" : absl::StrCat(sum, ", expected 0.1");
}

// The same, watched by its priorities: p = (|error| + epsilon)^alpha, so the rare reward's is the
// larger one.
std::string SurprisesGetPriority(Mutation mutation) {
  AgentOptions options;
  options.hidden_units = 16;
  options.learning_rate = 3e-3;
  RainbowAgent agent(1, 1, options, /*seed=*/1, mutation);
  for (int i = 0; i < 100; ++i) agent.Remember({1}, 0, i % 10 == 0 ? 1 : 0, {0}, {0}, true);
  for (int update = 0; update < 300; ++update) {
    if (!agent.Learn(0).ok()) return "Learn failed";
  }
  for (int i = 0; i < 100; i += 10) {
    const double rare = agent.replay().priority(i), common = agent.replay().priority(i + 1);
    if (rare <= 1.1 * common) return absl::StrCat(rare, " is hardly more than ", common);
  }
  return "";
}

// Q on a chain: g^(steps to the end) for going on, the reward for what ends the episode. Grabbing
// pays 2 and is legal at the first place only; were it counted at the others, or the end, or a
// stale value, Q(0, go on) is off.
std::string QOfTheChainIsKnown(Mutation mutation) {
  constexpr int kLength = 4;
  constexpr double kDiscount = 0.9, kGrabReward = 2, kEndReward = 0.5;
  AgentOptions options;
  options.discount = kDiscount;
  options.learning_rate = 1e-3;
  options.hidden_units = 32;
  options.epsilon_end = 0.3;
  options.epsilon_updates = 1000;
  options.replay_capacity = 1000;
  options.target_copy_updates = 50;
  ToyChain chain(kLength, kGrabReward, kEndReward);
  RainbowAgent agent(chain.observation_size(), chain.num_actions(), options, /*seed=*/1, mutation);
  if (!Train(chain, agent, 3000, [](const EpisodeReport&) { return true; }).ok())
    return "Train failed";
  for (int place = 0; place < kLength; ++place) {
    const std::vector<float> q = agent.Q(chain.ObservationAt(place));
    const double go_on = kEndReward * std::pow(kDiscount, kLength - 1 - place);
    if (std::abs(q[ToyChain::kGoOn] - go_on) > 0.07) {
      return absl::StrCat("place ", place, ", go on: ", q[ToyChain::kGoOn], ", expected ", go_on);
    }
    if (std::abs(q[ToyChain::kLeave] - ToyChain::kLeaveReward) > 0.07) {
      return absl::StrCat("place ", place, ", leave: ", q[ToyChain::kLeave]);
    }
  }
  const float grab = agent.Q(chain.ObservationAt(0))[ToyChain::kGrab];
  return std::abs(grab - kGrabReward) < 0.1 ? "" : absl::StrCat("grab: ", grab);
}

// Going on is worth 1, grabbing 0.6. Early on nearly every way on is cut short by a random action;
// were those short returns what going on is worth, grabbing would win.
std::string TheFirstPlaceIsLeftForTheEnd(Mutation mutation) {
  ToyChain chain(4, /*grab_reward=*/0.6);
  RainbowAgent agent(chain.observation_size(), chain.num_actions(), DefaultAgent(), /*seed=*/1,
                     mutation);
  if (!Train(chain, agent, 3000, [](const EpisodeReport&) { return true; }).ok())
    return "Train failed";
  const double greedy_return = PlayGreedily(chain, agent);
  return greedy_return == 1 ? "" : absl::StrCat("return ", greedy_return);
}

struct MutationCase {
  Mutation mutation;
  const char* name;
  std::string (*check)(Mutation);  // empty: holds
};

const MutationCase kCases[] = {
    {Mutation::kNoMaskInTarget, "TargetsAreDoubleAndMasked", TargetsAreDoubleAndMasked},
    {Mutation::kNoMaskInTarget, "QOfTheChainIsKnown", QOfTheChainIsKnown},
    {Mutation::kNStepOffByOne, "TransitionsSpanNSteps", TransitionsSpanNSteps},
    {Mutation::kNoImportanceWeights, "QIsTheMeanReward", QIsTheMeanReward},
    {Mutation::kPrioritiesNeverUpdated, "SurprisesGetPriority", SurprisesGetPriority},
    {Mutation::kGreedyTarget, "TargetsAreDoubleAndMasked", TargetsAreDoubleAndMasked},
    {Mutation::kBootstrapTerminal, "TransitionsSpanNSteps", TransitionsSpanNSteps},
    {Mutation::kBootstrapTerminal, "QOfTheChainIsKnown", QOfTheChainIsKnown},
    {Mutation::kReturnsNotCut, "TheFirstPlaceIsLeftForTheEnd", TheFirstPlaceIsLeftForTheEnd},
    {Mutation::kTargetNeverCopied, "QOfTheChainIsKnown", QOfTheChainIsKnown},
};

class MutationTest : public testing::TestWithParam<MutationCase> {};

TEST_P(MutationTest, IsCaughtByACheckThatHoldsWithoutIt) {
  EXPECT_EQ(GetParam().check(Mutation::kNone), "");
  const std::string complaint = GetParam().check(GetParam().mutation);
  EXPECT_NE(complaint, "");
  RecordProperty("complaint", complaint);
}

INSTANTIATE_TEST_SUITE_P(Cases, MutationTest, testing::ValuesIn(kCases), [](const auto& test) {
  return absl::StrCat(static_cast<int>(test.param.mutation), "_", test.param.name);
});

TEST(Mutation, EveryOneHasACase) {
  std::set<Mutation> cased;
  for (const MutationCase& row : kCases) cased.insert(row.mutation);
  EXPECT_EQ(static_cast<int>(cased.size()), static_cast<int>(Mutation::kTargetNeverCopied));
}

}  // namespace
}  // namespace automap
