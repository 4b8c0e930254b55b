// How the layers behind a cut would be shared out, by approximate dynamic programming.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// For every number of stages, first layer and first device one way to put the layers and devices
// from there on into so many stages. With f, b, u a stage's forward, backward, and all-reduce and
// update together, x the transfer to the next stage and M micro-batches, the least
//
//   U = max(W + (M - 1) max(Z, least) + u, f + x + U of the rest)
//
// decides, where W is the sum of f + b + 2x, Z the largest f + b or x, and `least` what the slowest
// stage of all comes to anyhow. That is a length without waits between stages; one way is kept for
// each, and a stage ends near where it is as slow as the rest: an estimate and no bound. What does
// not fit in memory is taken only where nothing else is left.
//
// O(stages x layers x devices^2) time, less on long lines, where few places are looked at.
class RestCuts {
 public:
  // `problem` must outlive this.
  RestCuts(const PipelineProblem& problem, Seconds least);

  // Whether there is a way; 1 <= stages <= options().stages.
  bool Has(int32_t stages, int32_t layer, int32_t device) const {
    return At(stages, layer, device).layer_end > 0;
  }
  // Its ends, behind those of `cuts`.
  void Append(int32_t stages, int32_t layer, int32_t device, PipelineCuts& cuts) const;
  // Its Z.
  Seconds Slowest(int32_t stages, int32_t layer, int32_t device) const {
    return Seconds{At(stages, layer, device).slowest};
  }

 private:
  using Range = PipelineProblem::Range;
  struct Way {
    float until, through, slowest;  // U, W, Z
    int32_t layer_end, device_end;
  };

  size_t IndexOf(int32_t stages, int32_t layer, int32_t device) const {
    return (static_cast<size_t>(stages - 1) * devices_ + device) * layers_ + layer;
  }
  const Way& At(int32_t stages, int32_t layer, int32_t device) const {
    return ways_[IndexOf(stages, layer, device)];
  }
  bool IsLookedAt(int32_t stages, Range devices) const;
  void PutLast(Range layers, Range devices);
  void PutBefore(int32_t stages, Range devices);
  void Try(int32_t stages, Range layers, Range devices);

  const PipelineProblem& problem_;
  const double least_;
  const int32_t layers_, devices_;
  std::vector<Way> ways_;
};

}  // namespace automap
