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
  offered_ = stages_;
  offered_pressures_ = pressures_;
  SumWays();
}

void BestSoFar::SumWays() {
  Seconds way, send, home, tail;
  ways_.clear(), tails_.clear();
  for (const PipelineStage& stage : stages_) {
    ways_.push_back(way), tails_.push_back(tail);
    way += send + stage.forward + stage.backward;
    send = stage.send + stage.send_back;
    tail = std::max(tail, stage.gradient_sync + stage.update - home);
    home += stage.backward + stage.send_back;
  }
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

// From the stage before the first that ends elsewhere, whose transfer may change, to the one behind
// the last.
BestSoFar::Range BestSoFar::ChangedBy(const PipelineCuts& cuts) const {
  const auto is_same = [&](int32_t s) {
    return cuts.layer_ends[s] == cuts_.layer_ends[s] && cuts.device_ends[s] == cuts_.device_ends[s];
  };
  int32_t first = 0, end = static_cast<int32_t>(stages_.size());
  while (first < end && is_same(first)) ++first;
  while (first < end && is_same(end - 1)) --end;
  return {std::max(0, first - 1), std::min(static_cast<int32_t>(stages_.size()), end + 1)};
}

// The stages that are not the same; false once one is not legal, too large, or too long with what
// is before it.
bool BestSoFar::PriceChanged(const PipelineCuts& cuts, Range changed) {
  const int32_t count = static_cast<int32_t>(stages_.size());
  Seconds before = ways_[changed.begin] + tails_[changed.begin];  // transfers aside
  for (int32_t s = changed.begin; s < changed.end; ++s) {
    if (HasStage(cuts, s)) {
      before += stages_[s].forward + stages_[s].backward;
      continue;
    }
    const Range layers = PipelineProblem::LayersOf(cuts, s),
                devices = PipelineProblem::DevicesOf(cuts, s);
    if (layers.count() <= 0 || devices.count() <= 0 || layers.end > problem_.layers() ||
        devices.end > problem_.devices() || !problem_.HasVariable(layers)) {
      return false;
    }
    offered_[s] = problem_.TimesOf(layers, devices);
    offered_[s].gradient_sync = problem_.LeastGradientSync(layers, devices);
    if (IsByLength() && before + AloneTakes(offered_[s]) >= cost_.length) return false;
    before += offered_[s].forward + offered_[s].backward;
    if (!problem_.options().ignore_memory) {
      offered_pressures_[s] = problem_.Pressure(layers, devices, count - 1 - s);
      if (IsByLength() && offered_pressures_[s] > 1) return false;
    }
  }
  return true;
}

// The transfers of the stages that are not the same, and to them.
void BestSoFar::PriceSends(const PipelineCuts& cuts, Range changed) {
  const int32_t end = std::min(changed.end, static_cast<int32_t>(stages_.size()) - 1);
  for (int32_t s = changed.begin; s < end; ++s) {
    offered_[s].send = offered_[s].send_back =
        problem_.Send(cuts.layer_ends[s], s > 0 ? cuts.device_ends[s - 1] : 0, cuts.device_ends[s],
                      cuts.device_ends[s + 1]);
  }
}

bool BestSoFar::IsOfferLonger() const {
  return IsByLength() &&
         LeastPipelineLength(offered_, problem_.options().micro_batches) >= cost_.length;
}

// The all-reduces of the stages that are not the same.
void BestSoFar::PriceSyncs(const PipelineCuts& cuts, Range changed) {
  for (int32_t s = changed.begin; s < changed.end; ++s) {
    if (HasStage(cuts, s)) continue;
    offered_[s].gradient_sync = problem_.GradientSync(PipelineProblem::LayersOf(cuts, s),
                                                      PipelineProblem::DevicesOf(cuts, s));
  }
}

// What is offered; whether it is better.
bool BestSoFar::PriceAll(const PipelineCuts& cuts, Range changed) {
  if (!PriceChanged(cuts, changed)) return false;
  PriceSends(cuts, changed);
  if (IsOfferLonger()) return false;
  PriceSyncs(cuts, changed);
  if (IsOfferLonger()) return false;
  const PipelineCost cost = CostOf(offered_, offered_pressures_);
  if (!problem_.IsBetter(cost, cost_)) return false;
  cost_ = cost;
  return true;
}

bool BestSoFar::Offer(const PipelineCuts& cuts) {
  const Range changed = ChangedBy(cuts);
  const bool is_better = PriceAll(cuts, changed);
  const auto copy = [&](const auto& from, auto& to) {
    std::copy(from.begin() + changed.begin, from.begin() + changed.end, to.begin() + changed.begin);
  };
  is_better ? copy(offered_, stages_) : copy(stages_, offered_);
  is_better ? copy(offered_pressures_, pressures_) : copy(pressures_, offered_pressures_);
  if (!is_better) return false;
  cuts_ = cuts;
  SumWays();
  return true;
}

bool BestSoFar::IsLonger(int32_t s, Range layers, Range devices) const {
  return IsByLength() &&
         ways_[s] + tails_[s] + AloneTakes(problem_.TimesOf(layers, devices)) >= cost_.length;
}

}  // namespace automap
