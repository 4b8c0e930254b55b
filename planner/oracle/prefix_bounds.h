// What the first stages of a pipeline come to at least, whatever comes behind them.
#pragma once

#include <vector>

#include "planner/oracle/best_cuts.h"

namespace automap {

// Of all ways to put the first layers on the first devices as so many stages, the least of each
// figure on its own, in seconds. Transfers are those between the stages, at their least.
struct PrefixBound {
  float there;     // sum of forwards and transfers
  float way;       // sum of forwards, backwards and transfers both ways
  float slowest;   // forward and backward of the slowest stage
  float lateness;  // how much longer than once through a stage its last backward ends after the
                   // first micro-batch is back in it: (M - 1)(f + b) - (W - 1) min(f, b), W being
                   // the micro-batches that it holds
  float end;       // when all of one micro-batch ends, there and back: after its backward in each
                   // stage that stage's all-reduce and update
  float late;      // the most of `way` and a stage's lateness; of the first stage its all-reduce
                   // and update as well
};

// Legality counts for nothing, but no stage takes longer than `longest` for all micro-batches, its
// all-reduce and its update. A stage's times are differences of sums over its layers, so that for
// two places on the line of devices the best cut before each layer is the least of a window that
// moves on. O(stages x layers x devices^2) time and O(stages x layers x devices) memory. Once the
// question's `stop` says true, the rest stays infinite.
class PrefixBounds {
 public:
  PrefixBounds(const CutQuestion& question, Seconds longest);

  // Infinite where there is no way. 1 <= stages < question.stages, devices < question.devices.
  const PrefixBound& Of(int32_t stages, int32_t layers, int32_t devices) const {
    return tables_[stages - 1][static_cast<size_t>(devices) * (layers_ + 1) + layers];
  }

 private:
  struct Group;
  struct Windows;
  PrefixBound* Row(int32_t stages, int32_t devices) {
    return &tables_[stages - 1][static_cast<size_t>(devices) * (layers_ + 1)];
  }
  Group GroupOf(int32_t device, int32_t device_end) const;
  double Lateness(double forward, double backward, int32_t stages) const;
  void PutFirst(const Group& group);
  void PutLast(const Group& group, int32_t stages);
  void Settle(int32_t devices);

  const CutQuestion& q_;
  const int32_t layers_;
  const double longest_;
  std::vector<std::vector<PrefixBound>> tables_;  // by stages, then devices and layers
};

}  // namespace automap
