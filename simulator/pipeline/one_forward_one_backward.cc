#include <algorithm>

#include "simulator/pipeline/schedules.h"

namespace automap {

absl::Status OneForwardOneBackwardSchedule::Check(const Pipeline& pipeline) const {
  return CheckOneChunk(pipeline, "1F1B");
}

std::vector<PipelineTask> OneForwardOneBackwardSchedule::Order(const Pipeline& pipeline,
                                                               int32_t group) const {
  const int32_t count = pipeline.micro_batches;
  const int32_t ahead = std::min(count, pipeline.groups() - group);
  std::vector<PipelineTask> order;
  order.reserve(2 * count);
  for (int32_t m = 0; m < ahead; ++m) order.push_back({false, group, m});
  for (int32_t m = 0; m < count; ++m) {
    order.push_back({true, group, m});
    if (m + ahead < count) order.push_back({false, group, m + ahead});
  }
  return order;
}

}  // namespace automap
