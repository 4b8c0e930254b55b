#include "agent/replay/n_step.h"

#include <cmath>

namespace automap {

std::vector<Transition> NStepBuffer::Add(std::vector<float> observation, int action, double reward,
                                         const std::vector<float>& next_observation,
                                         const std::vector<uint8_t>& next_mask, bool done) {
  open_.push_back({std::move(observation), action, 0, 0, {}, {}});
  // The oldest open transition is open_.size() - 1 steps old.
  for (size_t i = 0; i < open_.size(); ++i) {
    open_[i].reward += std::pow(discount_, static_cast<double>(open_.size() - 1 - i)) * reward;
  }
  std::vector<Transition> complete;
  while (!open_.empty() && (done || static_cast<int>(open_.size()) == n_)) {
    Transition& oldest = open_.front();
    oldest.bootstrap = done ? 0.0 : std::pow(discount_, n_);
    oldest.next_observation = next_observation;
    oldest.next_mask = next_mask;
    complete.push_back(std::move(oldest));
    open_.pop_front();
  }
  return complete;
}

std::vector<Transition> NStepBuffer::Cut(absl::Span<const float> observation,
                                         absl::Span<const uint8_t> mask) {
  std::vector<Transition> complete;
  for (; !open_.empty(); open_.pop_front()) {
    Transition& oldest = open_.front();
    oldest.bootstrap = std::pow(discount_, static_cast<double>(open_.size()));
    oldest.next_observation.assign(observation.begin(), observation.end());
    oldest.next_mask.assign(mask.begin(), mask.end());
    complete.push_back(std::move(oldest));
  }
  return complete;
}

}  // namespace automap
