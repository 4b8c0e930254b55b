// The schedules there are, one file each.
#pragma once

#include "simulator/pipeline/pipeline_schedule.h"

namespace automap {

// GPipe (arXiv 1811.06965): all forwards, then all backwards, in the same order. Holds every
// micro-batch's activations.
class GpipeSchedule final : public PipelineSchedule {
 public:
  absl::Status Check(const Pipeline& pipeline) const override;
  std::vector<PipelineTask> Order(const Pipeline& pipeline, int32_t group) const override;
};

// 1F1B with a flush (arXiv 2006.09503, 2007.01045): group s of S runs S - s forwards, then one
// backward and one forward in turn. Holds at most S - s micro-batches' activations.
class OneForwardOneBackwardSchedule final : public PipelineSchedule {
 public:
  absl::Status Check(const Pipeline& pipeline) const override;
  std::vector<PipelineTask> Order(const Pipeline& pipeline, int32_t group) const override;
};

// Interleaved 1F1B (arXiv 2104.04473 section 2.2): groups hold several chunks of the model, so the
// bubble shrinks by their number. Micro-batches go in rounds of S; their number must be a multiple
// of S.
class InterleavedSchedule final : public PipelineSchedule {
 public:
  absl::Status Check(const Pipeline& pipeline) const override;
  std::vector<PipelineTask> Order(const Pipeline& pipeline, int32_t group) const override;
};

// OK when there is one chunk.
absl::Status CheckOneChunk(const Pipeline& pipeline, absl::string_view schedule);

}  // namespace automap
