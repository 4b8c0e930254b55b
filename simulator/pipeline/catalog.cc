#include "absl/strings/str_cat.h"
#include "simulator/pipeline/schedules.h"

namespace automap {
namespace {

const GpipeSchedule kGpipe;
const OneForwardOneBackwardSchedule kOneForwardOneBackward;
const InterleavedSchedule kInterleaved;

const PipelineScheduleRow kRows[] = {
    {"GPIPE", &kGpipe},
    {"1F1B", &kOneForwardOneBackward},
    {"INTERLEAVED_1F1B", &kInterleaved},
};

}  // namespace

absl::Span<const PipelineScheduleRow> PipelineScheduleCatalog() { return kRows; }

const PipelineSchedule* FindPipelineSchedule(absl::string_view name) {
  for (const PipelineScheduleRow& row : kRows) {
    if (row.name == name) return row.schedule;
  }
  return nullptr;
}

absl::Status CheckOneChunk(const Pipeline& pipeline, absl::string_view schedule) {
  if (pipeline.chunks == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("pipeline.chunks: ", pipeline.chunks,
                                                 ", must be 1 with the schedule ", schedule));
}

}  // namespace automap
