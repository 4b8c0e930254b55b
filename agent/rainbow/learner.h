// One gradient step in Torch. The only place that knows Torch.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/rainbow/q_network.h"
#include "agent/replay/prioritized_replay.h"

namespace automap {

// Minimises the weighted smooth-L1 distance between Q(s, a) and given targets with Adam, gradients
// clipped to norm 10. Works on its own copy of the parameters, taken at the first step, and writes
// them back after every step.
class Learner {
 public:
  explicit Learner(double learning_rate);
  ~Learner();

  // Updates `network`, the same one every time, and returns target - Q(s, a) of every sample before
  // the step. INTERNAL when Torch throws.
  absl::StatusOr<std::vector<float>> Step(const Batch& batch, const std::vector<float>& targets,
                                          QNetwork& network);

 private:
  struct State;
  const double learning_rate_;
  std::unique_ptr<State> state_;
};

// QNetwork::Forward by Torch's own operators, to compare the two. INTERNAL when Torch throws.
absl::StatusOr<std::vector<float>> TorchForward(const QNetwork& network,
                                                const std::vector<float>& observations, int count);

}  // namespace automap
