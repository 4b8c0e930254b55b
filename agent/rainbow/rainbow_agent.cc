#include "agent/rainbow/rainbow_agent.h"

#include <algorithm>

#include "base/status_macros.h"

namespace automap {
namespace {

// Index of the largest value among the legal ones; the first of equals.
int ArgMax(absl::Span<const float> values, absl::Span<const uint8_t> mask) {
  int best = -1;
  for (size_t a = 0; a < values.size(); ++a) {
    if ((mask.empty() || mask[a] != 0) && (best < 0 || values[a] > values[best])) best = a;
  }
  return std::max(best, 0);
}

QNetwork MakeNetwork(int observation_size, int num_actions, const AgentOptions& options,
                     uint64_t seed) {
  Random random(seed, 0);
  return QNetwork::Create(observation_size, options.hidden_units, num_actions, random);
}

}  // namespace

RainbowAgent::RainbowAgent(int observation_size, int num_actions, const AgentOptions& options,
                           uint64_t seed, Mutation mutation)
    : options_(options),
      mutation_(mutation),
      act_random_(seed, 1),
      sample_random_(seed, 2),
      online_(MakeNetwork(observation_size, num_actions, options, seed)),
      target_(online_),
      learner_(options.learning_rate),
      n_step_(options.n_step - (mutation == Mutation::kNStepOffByOne ? 1 : 0), options.discount),
      replay_(options.replay_capacity, observation_size, num_actions, options.priority_alpha,
              options.priority_epsilon) {}

double RainbowAgent::epsilon() const {
  const double share =
      std::min(1.0, static_cast<double>(updates_) / std::max(1, options_.epsilon_updates));
  return options_.epsilon_start + share * (options_.epsilon_end - options_.epsilon_start);
}

int RainbowAgent::Act(absl::Span<const float> observation, absl::Span<const uint8_t> mask,
                      double epsilon) {
  const int best = ArgMax(online_.Forward(observation, 1), mask);
  if (epsilon <= 0 || act_random_.Uniform() >= epsilon) return best;
  int64_t skip = act_random_.Below(mask.size() - std::count(mask.begin(), mask.end(), 0));
  int action = 0;
  while (mask[action] == 0 || skip-- > 0) ++action;
  if (action != best && mutation_ != Mutation::kReturnsNotCut) {
    for (const Transition& transition : n_step_.Cut(observation, mask)) replay_.Add(transition);
  }
  return action;
}

void RainbowAgent::Remember(const std::vector<float>& observation, int action, double reward,
                            const std::vector<float>& next_observation,
                            const std::vector<uint8_t>& next_mask, bool done) {
  for (Transition& transition :
       n_step_.Add(observation, action, reward, next_observation, next_mask, done)) {
    if (mutation_ == Mutation::kNStepOffByOne && transition.bootstrap > 0)
      transition.bootstrap *= options_.discount;
    if (mutation_ == Mutation::kBootstrapTerminal && done) transition.bootstrap = options_.discount;
    replay_.Add(transition);
  }
}

std::vector<float> RainbowAgent::Targets(const Batch& batch) const {
  const std::vector<float> online = online_.Forward(batch.next_observations, batch.size);
  const std::vector<float> target = target_.Forward(batch.next_observations, batch.size);
  const int actions = online_.actions;
  std::vector<float> targets(batch.size);
  for (int i = 0; i < batch.size; ++i) {
    const auto row = [&](const auto& values) {
      return absl::MakeConstSpan(values).subspan(static_cast<size_t>(i) * actions, actions);
    };
    auto mask = row(batch.next_masks);
    if (mutation_ == Mutation::kNoMaskInTarget) mask = {};
    const int best = ArgMax(mutation_ == Mutation::kGreedyTarget ? row(target) : row(online), mask);
    targets[i] = batch.rewards[i] + batch.bootstraps[i] * row(target)[best];
  }
  return targets;
}

absl::Status RainbowAgent::Learn(double progress) {
  if (replay_.size() < options_.batch_size) return absl::OkStatus();
  const double beta =
      options_.priority_beta + progress * (options_.priority_beta_end - options_.priority_beta);
  Batch batch = replay_.Sample(options_.batch_size, beta, sample_random_);
  if (mutation_ == Mutation::kNoImportanceWeights)
    std::fill(batch.weights.begin(), batch.weights.end(), 1.0f);
  ASSIGN_OR_RETURN(const std::vector<float> errors, learner_.Step(batch, Targets(batch), online_));
  for (int i = 0; i < batch.size && mutation_ != Mutation::kPrioritiesNeverUpdated; ++i) {
    replay_.SetPriority(batch.indices[i], errors[i]);
  }
  if (++updates_ % options_.target_copy_updates == 0 && mutation_ != Mutation::kTargetNeverCopied)
    target_ = online_;
  return absl::OkStatus();
}

}  // namespace automap
