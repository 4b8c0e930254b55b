#include "planner/explore/pipeline/pipeline_prefix.h"

namespace automap {

bool PipelinePrefix::MayCutAfter(int32_t layer_end) const {
  return layer_end > first_layer() && problem_->HasVariable({first_layer(), layer_end}) &&
         problem_->VariableLayersFrom(layer_end) >= stages_behind();
}

std::vector<PipelineStage> PipelinePrefix::StagesOf(const PipelineCuts& whole) const {
  std::vector<PipelineStage> stages;
  stages.reserve(problem_->options().stages);
  stages = stages_;
  Range layers = {first_layer(), first_layer()}, devices = {first_device(), first_device()};
  int32_t before = device_before();
  for (size_t s = stages_.size(); s < whole.layer_ends.size(); ++s) {
    layers = {layers.end, whole.layer_ends[s]};
    devices = {devices.end, whole.device_ends[s]};
    if (!stages.empty()) {
      stages.back().send = stages.back().send_back =
          problem_->Send(layers.begin, before, devices.begin, devices.end);
    }
    stages.push_back(problem_->TimesOf(layers, devices));
    stages.back().gradient_sync = problem_->GradientSync(layers, devices);
    before = devices.begin;
  }
  return stages;
}

void PipelinePrefix::Append(int32_t layer_end, int32_t device_end) {
  const Range layers = {first_layer(), layer_end}, devices = {first_device(), device_end};
  if (!stages_.empty()) {
    stages_.back().send = stages_.back().send_back =
        problem_->Send(layers.begin, device_before(), devices.begin, devices.end);
    way_ += stages_.back().send + stages_.back().send_back;
  }
  stages_.push_back(problem_->StageOf(layers, devices));
  way_ += stages_.back().forward + stages_.back().backward;
  cuts_.layer_ends.push_back(layer_end);
  cuts_.device_ends.push_back(device_end);
}

void PipelinePrefix::Finish() {
  cuts_.layer_ends.push_back(problem_->layers());
  cuts_.device_ends.push_back(problem_->devices());
}

}  // namespace automap
