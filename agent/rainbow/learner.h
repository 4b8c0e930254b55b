// One gradient step in Torch. The only place that knows Torch.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/rainbow/q_network.h"
#include "agent/replay/prioritized_replay.h"

namespace automap {

// What Adam remembers beside the parameters.
struct AdamMoments {
  int64_t steps = 0;  // 0: nothing yet
  std::vector<float> first, second;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.steps, self.first, self.second);
  }
};

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

  AdamMoments moments() const;
  // Before the first step: goes on from these, for a network of the same shape.
  void StartFrom(AdamMoments moments) { start_ = std::move(moments); }

 private:
  struct State;
  const double learning_rate_;
  AdamMoments start_;
  std::unique_ptr<State> state_;
};

// QNetwork::Forward by Torch's own operators, to compare the two. INTERNAL when Torch throws.
absl::StatusOr<std::vector<float>> TorchForward(const QNetwork& network,
                                                const std::vector<float>& observations, int count);

}  // namespace automap
