#include "simulator/pipeline/schedules.h"

namespace automap {

absl::Status GpipeSchedule::Check(const Pipeline& pipeline) const {
  return CheckOneChunk(pipeline, "GPIPE");
}

std::vector<PipelineTask> GpipeSchedule::Order(const Pipeline& pipeline, int32_t group) const {
  std::vector<PipelineTask> order;
  order.reserve(2 * pipeline.micro_batches);
  for (const bool is_backward : {false, true}) {
    for (int32_t m = 0; m < pipeline.micro_batches; ++m) order.push_back({is_backward, group, m});
  }
  return order;
}

}  // namespace automap
