#include "simulator/pipeline/pipeline.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

absl::Status CheckStage(const PipelineStage& stage, size_t index) {
  const std::pair<const char*, double> fields[] = {
      {"forward", stage.forward.value},
      {"backward", stage.backward.value},
      {"send", stage.send.value},
      {"send_back", stage.send_back.value},
      {"gradient_sync", stage.gradient_sync.value},
      {"update", stage.update.value},
      {"resident", stage.resident.value},
      {"activations", stage.activations.value},
  };
  for (const auto& [name, value] : fields) {
    if (std::isfinite(value) && value >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("pipeline.stages[", index, "].", name, ": ", value, ", must be >= 0"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPipeline(const Pipeline& pipeline) {
  if (pipeline.stages.empty())
    return absl::InvalidArgumentError("pipeline.stages: none, must be at least one");
  if (pipeline.micro_batches < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("pipeline.micro_batches: ", pipeline.micro_batches, ", must be >= 1"));
  }
  if (pipeline.chunks < 1 || pipeline.stages.size() % pipeline.chunks != 0) {
    return absl::InvalidArgumentError(absl::StrCat("pipeline.chunks: ", pipeline.chunks,
                                                   ", must divide the number of stages, ",
                                                   pipeline.stages.size()));
  }
  for (size_t i = 0; i < pipeline.stages.size(); ++i)
    RETURN_IF_ERROR(CheckStage(pipeline.stages[i], i));
  return absl::OkStatus();
}

}  // namespace automap
