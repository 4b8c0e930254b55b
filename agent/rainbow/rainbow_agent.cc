#include "agent/rainbow/rainbow_agent.h"

#include <algorithm>
#include <cstring>

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

// FNV-1a over the numbers' bits.
uint64_t HashOf(absl::Span<const float> observation) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : observation) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  return hash;
}

QNetwork MakeNetwork(int inputs, int outputs, const AgentOptions& options, uint64_t seed) {
  Random random(seed, 0);
  return QNetwork::Create(inputs, options.hidden_units, outputs, random);
}

// A scorer that adds nothing yet to what its environment expects.
QNetwork MakeScorer(int features, const AgentOptions& options, uint64_t seed) {
  QNetwork network = MakeNetwork(features, 1, options, seed);
  const std::vector<ParameterBlock> blocks = network.blocks();
  std::fill(network.parameters.begin() + blocks[4].offset, network.parameters.end(), 0.0f);
  return network;
}

}  // namespace

RainbowAgent::RainbowAgent(int observation_size, int num_actions, const AgentOptions& options,
                           uint64_t seed, Mutation mutation, int candidate_features)
    : options_(options),
      mutation_(mutation),
      observation_size_(observation_size),
      num_actions_(num_actions),
      candidate_features_(candidate_features),
      act_random_(seed, 1),
      sample_random_(seed, 2),
      online_(candidate_features > 0 ? MakeScorer(candidate_features, options, seed)
                                     : MakeNetwork(observation_size, num_actions, options, seed)),
      target_(online_),
      learner_(options.learning_rate),
      n_step_(options.n_step - (mutation == Mutation::kNStepOffByOne ? 1 : 0), options.discount),
      replay_(options.replay_capacity,
              candidate_features > 0 ? candidate_features : observation_size, num_actions,
              options.priority_alpha, options.priority_epsilon, observation_size) {}

std::vector<float> RainbowAgent::Values(const QNetwork& network,
                                        absl::Span<const float> observation,
                                        absl::Span<const uint8_t> mask) const {
  if (candidate_features_ == 0) return network.Forward(observation, 1);
  std::vector<float> values(num_actions_, 0), rows;
  std::vector<int> guessed;
  for (int a = 0; a < num_actions_; ++a) {
    if (!mask.empty() && mask[a] == 0) continue;
    const auto row =
        observation.subspan(static_cast<size_t>(a) * candidate_features_, candidate_features_);
    values[a] = row[0];
    if (row[1] == 0) continue;
    guessed.push_back(a);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  const std::vector<float> learned = network.Forward(rows, static_cast<int>(guessed.size()));
  for (size_t i = 0; i < guessed.size(); ++i) values[guessed[i]] += learned[i];
  return values;
}

double RainbowAgent::epsilon() const {
  const double share =
      std::min(1.0, static_cast<double>(updates_) / std::max(1, options_.epsilon_updates));
  return options_.epsilon_start + share * (options_.epsilon_end - options_.epsilon_start);
}

int RainbowAgent::AnyAction(absl::Span<const uint8_t> mask) {
  int64_t skip = act_random_.Below(mask.size() - std::count(mask.begin(), mask.end(), 0));
  int action = 0;
  while (mask[action] == 0 || skip-- > 0) ++action;
  return action;
}

// The best of those that were not taken after this observation; any, when all were.
int RainbowAgent::UntriedAction(uint64_t state, absl::Span<const float> values,
                                absl::Span<const uint8_t> mask) const {
  std::vector<uint8_t> left(mask.begin(), mask.end());
  const auto found = taken_.find(state);
  if (found != taken_.end()) {
    for (const int32_t action : found->second) left[action] = 0;
  }
  const bool any = std::count(left.begin(), left.end(), 0) < std::ssize(left);
  return any ? ArgMax(values, left) : -1;
}

// Whether nothing is left to learn of these actions.
bool RainbowAgent::IsKnown(absl::Span<const float> observation,
                           absl::Span<const uint8_t> mask) const {
  if (candidate_features_ == 0) return false;
  for (int a = 0; a < num_actions_; ++a) {
    const bool is_guess = observation[static_cast<size_t>(a) * candidate_features_ + 1] != 0;
    if (mask[a] != 0 && is_guess) return false;
  }
  return true;
}

// Notes that an action is taken, and whether it is the policy's.
void RainbowAgent::Take(absl::Span<const float> observation, absl::Span<const uint8_t> mask,
                        int action, bool is_best) {
  if (options_.explore_untried) {
    auto& taken = taken_[HashOf(observation)];
    if (std::find(taken.begin(), taken.end(), action) == taken.end()) taken.push_back(action);
  }
  if (!is_best && mutation_ != Mutation::kReturnsNotCut) {
    for (const Transition& transition : n_step_.Cut(observation, mask)) replay_.Add(transition);
  }
}

int RainbowAgent::Act(absl::Span<const float> observation, absl::Span<const uint8_t> mask,
                      double epsilon) {
  const std::vector<float> values = Values(online_, observation, mask);
  const int best = ArgMax(values, mask);
  int action = best;
  const bool may_explore = epsilon > 0 && !(options_.explore_untried && IsKnown(observation, mask));
  if (may_explore && act_random_.Uniform() < epsilon) {
    action = options_.explore_untried ? UntriedAction(HashOf(observation), values, mask) : -1;
    if (action < 0) action = AnyAction(mask);
  }
  Take(observation, mask, action, action == best);
  return action;
}

void RainbowAgent::Follow(absl::Span<const float> observation, absl::Span<const uint8_t> mask,
                          int action) {
  Take(observation, mask, action, action == ArgMax(Values(online_, observation, mask), mask));
}

// What the network saw of an observation when it scored `action`.
std::vector<float> RainbowAgent::RowOf(const std::vector<float>& observation, int action) const {
  if (candidate_features_ == 0) return observation;
  const auto begin = observation.begin() + static_cast<int64_t>(action) * candidate_features_;
  return {begin, begin + candidate_features_};
}

void RainbowAgent::Remember(const std::vector<float>& observation, int action, double reward,
                            const std::vector<float>& next_observation,
                            const std::vector<uint8_t>& next_mask, bool done) {
  for (Transition& transition :
       n_step_.Add(RowOf(observation, action), action, reward, next_observation, next_mask, done)) {
    if (mutation_ == Mutation::kNStepOffByOne && transition.bootstrap > 0)
      transition.bootstrap *= options_.discount;
    if (mutation_ == Mutation::kBootstrapTerminal && done) transition.bootstrap = options_.discount;
    replay_.Add(transition);
  }
}

std::vector<float> RainbowAgent::Targets(const ReplayBatch& batch) const {
  std::vector<float> targets(batch.size);
  for (int i = 0; i < batch.size; ++i) {
    targets[i] = batch.rewards[i];
    if (batch.bootstraps[i] == 0) continue;
    const auto next = absl::MakeConstSpan(batch.next_observations)
                          .subspan(static_cast<size_t>(i) * observation_size_, observation_size_);
    auto mask = absl::MakeConstSpan(batch.next_masks)
                    .subspan(static_cast<size_t>(i) * num_actions_, num_actions_);
    if (mutation_ == Mutation::kNoMaskInTarget) mask = {};
    const QNetwork& chooser = mutation_ == Mutation::kGreedyTarget ? target_ : online_;
    const int best = ArgMax(Values(chooser, next, mask), mask);
    std::vector<uint8_t> only(num_actions_, 0);
    only[best] = 1;
    targets[i] += batch.bootstraps[i] * Values(target_, next, only)[best];
  }
  return targets;
}

void RainbowAgent::VisitMoments(ArchiveReader& archive) {
  AdamMoments moments;
  archive(moments);
  const size_t expected = moments.steps > 0 ? online_.parameters.size() : 0;
  if (moments.first.size() != expected || moments.second.size() != expected) return archive.Fail();
  learner_.StartFrom(std::move(moments));
}

absl::Status RainbowAgent::Learn(double progress) {
  if (replay_.size() < options_.batch_size) return absl::OkStatus();
  const double beta =
      options_.priority_beta + progress * (options_.priority_beta_end - options_.priority_beta);
  ReplayBatch batch = replay_.Sample(options_.batch_size, beta, sample_random_);
  if (mutation_ == Mutation::kNoImportanceWeights)
    std::fill(batch.weights.begin(), batch.weights.end(), 1.0f);
  std::vector<float> targets = Targets(batch);
  if (candidate_features_ > 0) {
    std::fill(batch.actions.begin(), batch.actions.end(), 0);
    for (int i = 0; i < batch.size; ++i) {
      const float* row = &batch.observations[static_cast<size_t>(i) * candidate_features_];
      targets[i] -= row[0];
      batch.weights[i] *= row[1];
    }
  }
  ASSIGN_OR_RETURN(std::vector<float> errors, learner_.Step(batch, targets, online_));
  for (int i = 0; i < batch.size && mutation_ != Mutation::kPrioritiesNeverUpdated; ++i) {
    replay_.SetPriority(batch.indices[i], batch.weights[i] == 0 ? 0 : errors[i]);
  }
  if (++updates_ % options_.target_copy_updates == 0 && mutation_ != Mutation::kTargetNeverCopied)
    target_ = online_;
  return absl::OkStatus();
}

}  // namespace automap
