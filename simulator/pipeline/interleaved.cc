#include <algorithm>

#include "absl/strings/str_cat.h"
#include "simulator/pipeline/schedules.h"

namespace automap {
namespace {

// The k-th forward (or backward) of a group: rounds of S micro-batches, chunk by chunk; backwards
// take the chunks from the last one on.
PipelineTask Kth(const Pipeline& pipeline, int32_t group, int32_t k, bool is_backward) {
  const int32_t groups = pipeline.groups(), round = groups * pipeline.chunks;
  const int32_t place = k % round / groups;
  const int32_t chunk = is_backward ? pipeline.chunks - 1 - place : place;
  return {is_backward, chunk * groups + group, k / round * groups + k % groups};
}

}  // namespace

absl::Status InterleavedSchedule::Check(const Pipeline& pipeline) const {
  if (pipeline.micro_batches % pipeline.groups() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("pipeline.micro_batches: ", pipeline.micro_batches,
                   ", must be a multiple of the number of device groups, ", pipeline.groups(),
                   ", with the schedule INTERLEAVED_1F1B"));
}

std::vector<PipelineTask> InterleavedSchedule::Order(const Pipeline& pipeline,
                                                     int32_t group) const {
  const int32_t groups = pipeline.groups(), chunks = pipeline.chunks;
  const int32_t total = pipeline.micro_batches * chunks;
  const int32_t factor = chunks > 1 ? 2 : 1;
  const int32_t ahead = std::min(total, (groups - group - 1) * factor + (chunks - 1) * groups + 1);
  std::vector<PipelineTask> order;
  order.reserve(2 * total);
  for (int32_t k = 0; k < ahead; ++k) order.push_back(Kth(pipeline, group, k, false));
  for (int32_t k = 0; k < total; ++k) {
    order.push_back(Kth(pipeline, group, k, true));
    if (k + ahead < total) order.push_back(Kth(pipeline, group, k + ahead, false));
  }
  return order;
}

}  // namespace automap
