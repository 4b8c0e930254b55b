#include "planner/explore/pipeline/pipeline_environment.h"

#include <algorithm>
#include <cmath>

#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

constexpr int kPaperFeatures = 3;
constexpr double kOutOfMemory = -1;  // paper section 5
constexpr double kGapScale = 5;

float Limited(double value) { return static_cast<float>(std::clamp(value, -4.0, 4.0)); }

}  // namespace

PipelineEnvironment::PipelineEnvironment(const PipelineProblem& problem,
                                         PipelineEnvironmentOptions options)
    : problem_(&problem), options_(options) {
  Reset();
}

int PipelineEnvironment::candidate_features() const {
  return options_.reward == PipelineEnvironmentOptions::Reward::kGap ? kCandidateFeatures : 0;
}

int PipelineEnvironment::observation_size() const {
  return num_actions() * (candidate_features() > 0 ? candidate_features() : kPaperFeatures);
}

void PipelineEnvironment::Reset() {
  cuts_ = {};
  stages_.clear();
  done_ = false;
  legal_.assign(num_actions(), 0);
  device_.assign(num_actions(), 0);
  projection_.assign(num_actions(), Seconds{0});
  fits_.assign(num_actions(), 0);
  if (problem_->options().stages == 1) return Finish();
  FindLegal();
}

// Structure alone; memory and radius come on top.
bool PipelineEnvironment::IsLegal(int action) const {
  const int32_t first = cuts_.layer_ends.empty() ? 0 : cuts_.layer_ends.back();
  const int32_t end = action + 1;
  return end > first && problem_->HasVariable({first, end}) &&
         problem_->VariableLayersFrom(end) >= stages_left() - 1;
}

// Finds the action's place on the line of devices and what comes of it.
void PipelineEnvironment::PlaceAction(int action) {
  const int32_t first = first_device();
  const int32_t most = problem_->devices() - (stages_left() - 1);
  const int32_t wanted = std::clamp(problem_->ProportionalDevices(action + 1), first + 1, most);
  const bool is_fixed = options_.reward == PipelineEnvironmentOptions::Reward::kInverse;
  const int32_t radius = is_fixed ? 0 : options_.radius;
  bool any = false;
  for (int32_t step = 0; step <= 2 * radius; ++step) {
    const int32_t device = wanted + (step % 2 == 0 ? step / 2 : -(step + 1) / 2);
    if (device <= first || device > most) continue;
    const bool fits = problem_->MayUse(NextLayers(action), {first, device}, stages_left() - 1);
    const Seconds length =
        PipelineLength(Projected(action, device), problem_->options().micro_batches);
    const bool better = !any || (fits != (fits_[action] != 0)
                                     ? fits
                                     : length.value < projection_[action].value * (1 - 1e-9));
    if (!better) continue;
    any = true;
    device_[action] = device;
    projection_[action] = length;
    fits_[action] = fits;
  }
}

void PipelineEnvironment::FindLegal() {
  const int32_t stage = static_cast<int32_t>(cuts_.layer_ends.size());
  const double centre =
      static_cast<double>(problem_->devices()) * (stage + 1) / problem_->options().stages;
  std::vector<uint8_t> structure(num_actions(), 0), near(num_actions(), 0);
  bool any_near = false;
  for (int a = 0; a < num_actions(); ++a) {
    structure[a] = IsLegal(a);
    near[a] =
        structure[a] && std::abs(problem_->ProportionalDevices(a + 1) - centre) <= options_.radius;
    any_near = any_near || near[a] != 0;
  }
  legal_ = any_near ? near : structure;
  bool any = false;
  for (int a = 0; a < num_actions(); ++a) {
    if (legal_[a] == 0) continue;
    PlaceAction(a);
    any = any || fits_[a] != 0;
  }
  for (int a = 0; any && a < num_actions(); ++a) legal_[a] = legal_[a] != 0 && fits_[a] != 0;
}

void PipelineEnvironment::LegalActions(absl::Span<uint8_t> mask) const {
  std::copy(legal_.begin(), legal_.end(), mask.begin());
}

void PipelineEnvironment::Finish() {
  cuts_.layer_ends.push_back(problem_->layers());
  cuts_.device_ends.push_back(problem_->devices());
  std::fill(legal_.begin(), legal_.end(), 0);
  done_ = true;
}

double PipelineEnvironment::Step(int action) {
  const Range layers = NextLayers(action), devices = {first_device(), DeviceOf(action)};
  if (!stages_.empty()) {
    stages_.back().send = stages_.back().send_back =
        problem_->Send(layers.begin, stage_before(), devices.begin, devices.end);
  }
  stages_.push_back(problem_->StageOf(layers, devices));
  cuts_.layer_ends.push_back(layers.end);
  cuts_.device_ends.push_back(devices.end);
  if (stages_left() > 1) {
    FindLegal();
    return 0;
  }
  Finish();
  const PipelineCost cost = problem_->Cost(cuts_);
  const bool fits = cost.fits() || problem_->options().ignore_memory;
  if (options_.reward == PipelineEnvironmentOptions::Reward::kInverse)
    return fits ? 1 / cost.length.value : kOutOfMemory;
  const Seconds least = problem_->LeastTime(problem_->layers(), problem_->devices()) *
                        problem_->options().micro_batches;
  return fits ? kGapScale * (least / cost.length - 1) : -kGapScale * std::min(4.0, cost.pressure);
}

// The stages so far, the one that `action` ends, and the rest as stages of equal work on equal
// shares of the devices.
std::vector<PipelineStage> PipelineEnvironment::Projected(int action, int32_t device) const {
  std::vector<PipelineStage> stages = stages_;
  Range layers = NextLayers(action), devices = {first_device(), device};
  if (!stages.empty()) {
    stages.back().send = stages.back().send_back =
        problem_->Send(layers.begin, stage_before(), devices.begin, devices.end);
  }
  stages.push_back(problem_->StageOf(layers, devices));
  const int32_t left = stages_left() - 1;
  const int32_t free_devices = problem_->devices() - device;
  for (int32_t s = 1; s <= left; ++s) {
    const int32_t most = problem_->layers() - (left - s);
    const int32_t layer_end =
        s == left ? problem_->layers()
                  : std::clamp(problem_->LayerAtWork(action + 1, static_cast<double>(s) / left),
                               layers.end + 1, most);
    const int32_t device_end =
        device + static_cast<int32_t>(static_cast<int64_t>(free_devices) * s / left);
    stages.back().send = stages.back().send_back =
        problem_->Send(layers.end, devices.begin, devices.end, device_end);
    layers = {layers.end, layer_end};
    devices = {devices.end, device_end};
    stages.push_back(problem_->StageOf(layers, devices));
  }
  return stages;
}

void PipelineEnvironment::Observe(absl::Span<float> observation) const {
  std::fill(observation.begin(), observation.end(), 0.0f);
  if (done_) return;
  const bool is_paper = options_.reward == PipelineEnvironmentOptions::Reward::kInverse;
  const int width = is_paper ? kPaperFeatures : kCandidateFeatures;
  for (int a = 0; a < num_actions(); ++a) {
    if (legal_[a] == 0) continue;
    const auto features = observation.subspan(static_cast<size_t>(a) * width, width);
    is_paper ? ObservePaper(a, features) : ObserveCandidate(a, features);
  }
}

void PipelineEnvironment::ObservePaper(int action, absl::Span<float> features) const {
  const std::vector<PipelineStage> stages = Projected(action, DeviceOf(action));
  const Seconds unit = problem_->LeastTime(problem_->layers(), problem_->devices());
  Seconds sync, send, least = stages.front().forward + stages.front().backward, most;
  for (const PipelineStage& stage : stages) {
    sync += stage.gradient_sync;
    send = std::max(send, stage.send);
    least = std::min(least, stage.forward + stage.backward);
    most = std::max(most, stage.forward + stage.backward);
  }
  features[0] = Limited(sync / unit);
  features[1] = Limited(send / unit);
  features[2] = static_cast<float>(least / most);
}

void PipelineEnvironment::ObserveCandidate(int action, absl::Span<float> features) const {
  const std::vector<PipelineStage> stages = Projected(action, DeviceOf(action));
  const size_t now = stages_.size();
  const int32_t micro_batches = problem_->options().micro_batches;
  const Seconds unit = problem_->LeastTime(problem_->layers(), problem_->devices());
  const double floor = unit.value * micro_batches;
  const auto busy = [&](size_t s) { return (stages[s].forward + stages[s].backward) / unit; };
  double most = 0, drained = 0, tail = 0;
  for (size_t s = 0; s < now; ++s) {
    most = std::max(most, busy(s));
    tail = std::max(tail, (stages[s].gradient_sync + stages[s].update).value - drained);
    drained += (stages[s].backward + stages[s].send_back).value;
  }
  const double projection = PipelineLength(stages, micro_batches).value;
  const float values[kCandidateFeatures] = {
      1.0f,
      Limited(projection / floor - 1),
      Limited(10 * (projection / floor - 1)),
      Limited(busy(now) - 1),
      Limited(now + 1 < stages.size() ? busy(now + 1) - 1 : 0),
      Limited(most - 1),
      Limited(stages[now].send / unit),
      Limited(((stages[now].gradient_sync + stages[now].update).value - drained) / floor),
      Limited(tail / floor),
      Limited(stages_.empty() ? 0 : stages_.back().send / unit),
      static_cast<float>(now) / static_cast<float>(problem_->options().stages),
      static_cast<float>(action + 1) / static_cast<float>(problem_->layers()),
      static_cast<float>(DeviceOf(action)) / static_cast<float>(problem_->devices()),
      1.0f / static_cast<float>(micro_batches),
  };
  std::copy(values, values + kCandidateFeatures, features.begin());
}

std::unique_ptr<Environment> PipelineEnvironment::Clone() const {
  return std::make_unique<PipelineEnvironment>(*this);
}

}  // namespace automap
