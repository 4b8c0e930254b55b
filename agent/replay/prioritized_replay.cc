#include "agent/replay/prioritized_replay.h"

#include <algorithm>
#include <cmath>

namespace automap {

PrioritizedReplay::PrioritizedReplay(int64_t capacity, int observation_size, int num_actions,
                                     double alpha, double epsilon, int next_observation_size)
    : capacity_(capacity),
      observation_size_(observation_size),
      next_size_(next_observation_size > 0 ? next_observation_size : observation_size),
      num_actions_(num_actions),
      alpha_(alpha),
      epsilon_(epsilon),
      tree_(capacity),
      observations_(capacity * observation_size),
      next_observations_(capacity * next_size_),
      rewards_(capacity),
      bootstraps_(capacity),
      next_masks_(capacity * num_actions),
      actions_(capacity) {}

void PrioritizedReplay::Add(const Transition& transition) {
  std::copy(transition.observation.begin(), transition.observation.end(),
            observations_.begin() + next_ * observation_size_);
  std::copy(transition.next_observation.begin(), transition.next_observation.end(),
            next_observations_.begin() + next_ * next_size_);
  std::copy(transition.next_mask.begin(), transition.next_mask.end(),
            next_masks_.begin() + next_ * num_actions_);
  rewards_[next_] = transition.reward;
  bootstraps_[next_] = transition.bootstrap;
  actions_[next_] = transition.action;
  tree_.Set(next_, largest_);
  next_ = (next_ + 1) % capacity_;
  size_ = std::min(size_ + 1, capacity_);
}

ReplayBatch PrioritizedReplay::Sample(int batch_size, double beta, Random& random) const {
  ReplayBatch batch;
  batch.size = batch_size;
  double largest_weight = 0;
  std::vector<double> weights;
  const auto append = [](auto& to, const auto& from, int64_t index, int64_t width) {
    to.insert(to.end(), from.begin() + index * width, from.begin() + (index + 1) * width);
  };
  for (int i = 0; i < batch_size; ++i) {
    const int64_t index =
        std::min(tree_.Find((i + random.Uniform()) / batch_size * tree_.total()), size_ - 1);
    weights.push_back(std::pow(size_ * tree_.Get(index) / tree_.total(), -beta));
    largest_weight = std::max(largest_weight, weights.back());
    batch.indices.push_back(index);
    append(batch.observations, observations_, index, observation_size_);
    append(batch.next_observations, next_observations_, index, next_size_);
    append(batch.next_masks, next_masks_, index, num_actions_);
    batch.actions.push_back(actions_[index]);
    batch.rewards.push_back(rewards_[index]);
    batch.bootstraps.push_back(bootstraps_[index]);
  }
  for (const double weight : weights) batch.weights.push_back(weight / largest_weight);
  return batch;
}

void PrioritizedReplay::SetPriority(int64_t index, double error) {
  const double priority = std::pow(std::abs(error) + epsilon_, alpha_);
  tree_.Set(index, priority);
  largest_ = std::max(largest_, priority);
}

}  // namespace automap
