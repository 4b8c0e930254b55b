// One gradient step in Torch. The only place that knows Torch.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/rainbow/q_network.h"
#include "agent/replay/prioritized_replay.h"

namespace automap {

// Minimises the weighted smooth-L1 distance between Q(s, a) and given targets with Adam, gradients clipped to norm 10.
// Works on its own copy of the parameters and writes them back after every step.
class Learner {
 public:
  Learner(const QNetwork& network, double learning_rate);
  ~Learner();

  // Updates `network` and returns target - Q(s, a) of every sample before the step. INTERNAL when Torch throws.
  absl::StatusOr<std::vector<float>> Step(const Batch& batch, const std::vector<float>& targets, QNetwork& network);

  // Q by Torch's own operators; for tests that compare it with QNetwork::Forward.
  absl::StatusOr<std::vector<float>> Forward(const std::vector<float>& observations, int count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace automap
