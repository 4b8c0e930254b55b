#include "planner/explore/pipeline/best_so_far.h"

#include <algorithm>

#include "simulator/pipeline/pipeline_length.h"

namespace automap {
BestSoFar::BestSoFar(const PipelineProblem& problem, PipelineCuts start)
    : problem_(problem), cuts_(std::move(start)) {
  stages_ = problem.PipelineOf(cuts_).stages;
  const int32_t count = static_cast<int32_t>(stages_.size());
  pressures_.assign(count, 0.0);
  for (int32_t s = 0; s < count && !problem.options().ignore_memory; ++s) {
    pressures_[s] = problem.Pressure(PipelineProblem::LayersOf(cuts_, s),
                                     PipelineProblem::DevicesOf(cuts_, s), count - 1 - s);
  }
  cost_ = CostOf(stages_, pressures_);
}

PipelineCost BestSoFar::CostOf(const std::vector<PipelineStage>& stages,
                               const std::vector<double>& pressures) const {
  PipelineCost cost;
  cost.length = PipelineLength(stages, problem_.options().micro_batches);
  cost.pressure = *std::max_element(pressures.begin(), pressures.end());
  return cost;
}

// Whether stage `s` is the same in the best cuts.
bool BestSoFar::HasStage(const PipelineCuts& cuts, int32_t s) const {
  return cuts.layer_ends[s] == cuts_.layer_ends[s] && cuts.device_ends[s] == cuts_.device_ends[s] &&
         (s == 0 || (cuts.layer_ends[s - 1] == cuts_.layer_ends[s - 1] &&
                     cuts.device_ends[s - 1] == cuts_.device_ends[s - 1]));
}

// The stages that are not the same; false once one is not legal or alone too long or too large.
bool BestSoFar::PriceChanged(const PipelineCuts& cuts) {
  const int32_t count = static_cast<int32_t>(stages_.size());
  offered_ = stages_;
  offered_pressures_ = pressures_;
  for (int32_t s = 0; s < count; ++s) {
    if (HasStage(cuts, s)) continue;
    const Range layers = PipelineProblem::LayersOf(cuts, s),
                devices = PipelineProblem::DevicesOf(cuts, s);
    if (layers.count() <= 0 || devices.count() <= 0 || layers.end > problem_.layers() ||
        devices.end > problem_.devices() || !problem_.HasVariable(layers)) {
      return false;
    }
    offered_[s] = problem_.TimesOf(layers, devices);
    if (IsByLength() && AloneTakes(offered_[s]) >= cost_.length) return false;
    if (!problem_.options().ignore_memory) {
      offered_pressures_[s] = problem_.Pressure(layers, devices, count - 1 - s);
      if (IsByLength() && offered_pressures_[s] > 1) return false;
    }
  }
  return true;
}

// The transfers of the stages that are not the same, and to them; false once all micro-batches in a
// stage and the way to it and back are too long.
bool BestSoFar::PriceSends(const PipelineCuts& cuts) {
  Seconds way;  // there and back
  for (int32_t s = 0; s + 1 < static_cast<int32_t>(stages_.size()); ++s) {
    PipelineStage& stage = offered_[s];
    if (!HasStage(cuts, s) || cuts.device_ends[s + 1] != cuts_.device_ends[s + 1]) {
      stage.send = stage.send_back =
          problem_.Send(cuts.layer_ends[s], s > 0 ? cuts.device_ends[s - 1] : 0,
                        cuts.device_ends[s], cuts.device_ends[s + 1]);
    }
    if (IsByLength() && way + AloneTakes(stage) >= cost_.length) return false;
    way += stage.forward + stage.backward + stage.send + stage.send_back;
  }
  return !IsByLength() || way + AloneTakes(offered_.back()) < cost_.length;
}

// The all-reduces of the stages that are not the same.
void BestSoFar::PriceSyncs(const PipelineCuts& cuts) {
  for (int32_t s = 0; s < static_cast<int32_t>(stages_.size()); ++s) {
    if (HasStage(cuts, s)) continue;
    offered_[s].gradient_sync = problem_.GradientSync(PipelineProblem::LayersOf(cuts, s),
                                                      PipelineProblem::DevicesOf(cuts, s));
  }
}

bool BestSoFar::Offer(const PipelineCuts& cuts) {
  if (!PriceChanged(cuts) || !PriceSends(cuts)) return false;
  PriceSyncs(cuts);
  const PipelineCost cost = CostOf(offered_, offered_pressures_);
  if (!problem_.IsBetter(cost, cost_)) return false;
  cost_ = cost;
  cuts_ = cuts;
  std::swap(stages_, offered_);
  std::swap(pressures_, offered_pressures_);
  return true;
}

bool BestSoFar::IsLonger(Range layers, Range devices) const {
  return IsByLength() && AloneTakes(problem_.TimesOf(layers, devices)) >= cost_.length;
}

}  // namespace automap
