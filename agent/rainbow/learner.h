// One gradient step, by LibTorch, which is loaded when the first one is made: a process that takes
// none starts without it.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/rainbow/gradient_step.h"

namespace automap {

// Minimises the weighted smooth-L1 distance between Q(s, a) and given targets with Adam, gradients
// clipped to norm 10. Works on its own copy of the parameters, taken at the first step, and writes
// them back after every step.
class Learner {
 public:
  explicit Learner(double learning_rate);
  ~Learner();

  // Updates `network`, the same one every time, and returns target - Q(s, a) of every sample before
  // the step. INTERNAL when Torch throws, UNAVAILABLE when it cannot be loaded.
  absl::StatusOr<std::vector<float>> Step(const ReplayBatch& batch,
                                          const std::vector<float>& targets, QNetwork& network);

  AdamMoments moments() const;
  // Before the first step: goes on from these, for a network of the same shape.
  void StartFrom(AdamMoments moments) { start_ = std::move(moments); }

 private:
  const double learning_rate_;
  AdamMoments start_;
  std::unique_ptr<GradientStep> step_;
};

// QNetwork::Forward by Torch's own operators, to compare the two. Errors as Learner::Step.
absl::StatusOr<std::vector<float>> TorchForward(const QNetwork& network,
                                                const std::vector<float>& observations, int count);

}  // namespace automap
