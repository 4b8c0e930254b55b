// Gradient steps on a SequenceNetwork.
#pragma once

#include <memory>
#include <vector>

#include "agent/sequence/sequence_network.h"

namespace automap {

// A decision with targets for some of its candidates.
struct SequenceSample {
  std::shared_ptr<const std::vector<float>> tokens;
  SequenceQuestion question;
  std::vector<float> targets, weights;  // by candidate; weight 0: no target; together 1
};

// Adam, gradients clipped to norm 10, on the mean over a batch's samples of
//
//   1/2 sum w (e - m)^2 + kLevelShare / 2 m^2,   e = score - target, m = sum w e
//
// What candidates have in common, m, counts for less than what sets them apart, as decisions take
// the largest score. Deterministic: one thread, sums in order.
class SequenceLearner {
 public:
  static constexpr float kLevelShare = 0.2f;

  explicit SequenceLearner(SequenceNetwork network);

  const SequenceNetwork& network() const { return network_; }
  // The batch's mean loss before the step.
  double Step(absl::Span<const SequenceSample* const> batch, double learning_rate);
  // d(mean loss) / d(parameters) of one batch; the loss.
  double Gradient(absl::Span<const SequenceSample* const> batch,
                  std::vector<float>& gradient) const;

 private:
  SequenceNetwork network_;
  int64_t steps_ = 0;
  std::vector<float> first_, second_, gradient_;
};

}  // namespace automap
