// What the environment shows of its candidates.
#include <algorithm>

#include "planner/explore/pipeline/pipeline_environment.h"

namespace automap {
namespace {

float Limited(double value) { return static_cast<float>(std::clamp(value, -4.0, 4.0)); }

}  // namespace

void PipelineEnvironment::Observe(absl::Span<float> observation) const {
  std::fill(observation.begin(), observation.end(), 0.0f);
  if (done_) return;
  const int width = options_.is_paper() ? kPaperFeatures : kCandidateFeatures;
  for (int a = 0; a < num_actions(); ++a) {
    if (!candidates_[a].is_legal) continue;
    const auto features = observation.subspan(static_cast<size_t>(a) * width, width);
    options_.is_paper() ? ObservePaper(candidates_[a], features)
                        : ObserveCandidate(candidates_[a], features);
  }
}

void PipelineEnvironment::ObservePaper(const CutCandidate& candidate,
                                       absl::Span<float> features) const {
  const std::vector<PipelineStage> stages = Projected(candidate);
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

// Of a last cut whose stages fit the projection is the length.
bool PipelineEnvironment::IsExact(const CutCandidate& candidate) const {
  const PipelineProblem::Range layers = {candidate.layer_end, problem_->layers()};
  const PipelineProblem::Range devices = {candidate.device_end, problem_->devices()};
  return prefix_.stages_behind() == 1 && candidate.fits && problem_->MayUse(layers, devices, 0);
}

void PipelineEnvironment::ObserveCandidate(const CutCandidate& candidate,
                                           absl::Span<float> features) const {
  const std::vector<PipelineStage> stages = Projected(candidate);
  const size_t now = prefix_.stages().size();
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
  const double projection = candidate.projection.value;
  const double expected = candidate.fits || problem_->options().ignore_memory
                              ? kGapScale * (floor / projection - 1)
                              : -kGapScale;
  const float values[kCandidateFeatures] = {
      static_cast<float>(expected),
      IsExact(candidate) ? 0.0f : 1.0f,
      Limited(10 * (projection / floor - 1)),
      Limited(busy(now) - 1),
      Limited(now + 1 < stages.size() ? busy(now + 1) - 1 : 0),
      Limited(most - 1),
      Limited(stages[now].send / unit),
      Limited(((stages[now].gradient_sync + stages[now].update).value - drained) / floor),
      Limited(tail / floor),
      Limited(prefix_.stages().empty() ? 0 : prefix_.stages().back().send / unit),
      static_cast<float>(now) / static_cast<float>(problem_->options().stages),
      static_cast<float>(candidate.layer_end) / static_cast<float>(problem_->layers()),
      static_cast<float>(candidate.device_end) / static_cast<float>(problem_->devices()),
      1.0f / static_cast<float>(micro_batches),
  };
  std::copy(values, values + kCandidateFeatures, features.begin());
}

}  // namespace automap
