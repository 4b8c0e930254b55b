// A pipelined training step as the simulator sees it: stages in a line, and what one micro-batch
// costs in each.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "base/units.h"

namespace automap {

// One stage on its group of devices. Whether the group replicates the stage or splits its arrays is
// already in the numbers: they are of one device of the group.
struct PipelineStage {
  Seconds forward;    // one micro-batch, collectives inside the group included
  Seconds backward;   // likewise, recomputation included
  Seconds send;       // one micro-batch's output to the next stage; the last stage's is not used
  Seconds send_back;  // one micro-batch's gradient of that output, from the next stage
  Seconds gradient_sync;  // all-reduce among replicas, once a step, after the last backward
  Seconds update;         // optimizer, once a step, after gradient_sync
  Bytes resident;         // held throughout: variables, their state, gradients
  Bytes activations;      // held of one micro-batch from its forward to the end of its backward
  bool operator==(const PipelineStage&) const = default;
};

// Stages in order of the forward pass. With `chunks` > 1 (interleaving) stage i runs on group
// i % groups(), so a group holds `chunks` stages that lie groups() apart.
struct Pipeline {
  std::vector<PipelineStage> stages;
  int32_t micro_batches = 1;
  int32_t chunks = 1;
  bool operator==(const Pipeline&) const = default;

  int32_t groups() const { return static_cast<int32_t>(stages.size()) / chunks; }
};

// INVALID_ARGUMENT with the field's path when there is no stage, no micro-batch, stages that are no
// multiple of `chunks`, or a time or size that is negative or not finite.
absl::Status CheckPipeline(const Pipeline& pipeline);

}  // namespace automap
