#include "planner/explore/pipeline/pipeline_prefix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simulator/pipeline/pipeline_length.h"

namespace automap {

bool PipelinePrefix::MayCutAfter(int32_t layer_end) const {
  return layer_end > first_layer() && problem_->HasVariable({first_layer(), layer_end}) &&
         problem_->VariableLayersFrom(layer_end) >= stages_behind();
}

bool PipelinePrefix::PriceWithin(const PipelineCuts& whole, Seconds limit,
                                 std::vector<PipelineStage>& stages) const {
  const double others = problem_->options().micro_batches - 1;
  stages.assign(stages_.begin(), stages_.end());
  Range layers = {first_layer(), first_layer()}, devices = {first_device(), first_device()};
  int32_t before = device_before();
  Seconds way = way_, home = home_, tail = tail_;
  for (size_t s = stages_.size(); s < whole.layer_ends.size(); ++s) {
    layers = {layers.end, whole.layer_ends[s]};
    devices = {devices.end, whole.device_ends[s]};
    if (!stages.empty()) {
      PipelineStage& last = stages.back();
      last.send = last.send_back = problem_->Send(layers.begin, before, devices.begin, devices.end);
      way += last.send + last.send_back;
      home += last.backward + last.send_back;
    }
    PipelineStage stage = problem_->TimesOf(layers, devices);
    stage.gradient_sync = problem_->LeastGradientSync(layers, devices);
    const Seconds busy = stage.forward + stage.backward;
    way += busy;
    tail = std::max(tail, stage.gradient_sync + stage.update - home);
    if (way + others * busy + tail > limit) return false;
    stages.push_back(stage);
    before = devices.begin;
  }
  if (std::isfinite(limit.value) &&
      LeastPipelineLength(stages, problem_->options().micro_batches) > limit) {
    return false;
  }
  layers.end = first_layer(), devices.end = first_device();
  for (size_t s = stages_.size(); s < whole.layer_ends.size(); ++s) {
    layers = {layers.end, whole.layer_ends[s]};
    devices = {devices.end, whole.device_ends[s]};
    stages[s].gradient_sync = problem_->GradientSync(layers, devices);
  }
  return true;
}

std::vector<PipelineStage> PipelinePrefix::StagesOf(const PipelineCuts& whole) const {
  std::vector<PipelineStage> stages;
  stages.reserve(problem_->options().stages);
  PriceWithin(whole, {std::numeric_limits<double>::infinity()}, stages);
  return stages;
}

void PipelinePrefix::Append(int32_t layer_end, int32_t device_end) {
  const Range layers = {first_layer(), layer_end}, devices = {first_device(), device_end};
  if (!stages_.empty()) {
    stages_.back().send = stages_.back().send_back =
        problem_->Send(layers.begin, device_before(), devices.begin, devices.end);
    way_ += stages_.back().send + stages_.back().send_back;
    home_ += stages_.back().backward + stages_.back().send_back;
  }
  stages_.push_back(problem_->StageOf(layers, devices));
  tail_ = std::max(tail_, stages_.back().gradient_sync + stages_.back().update - home_);
  way_ += stages_.back().forward + stages_.back().backward;
  cuts_.layer_ends.push_back(layer_end);
  cuts_.device_ends.push_back(device_end);
}

void PipelinePrefix::Finish() {
  cuts_.layer_ends.push_back(problem_->layers());
  cuts_.device_ends.push_back(problem_->devices());
}

}  // namespace automap
