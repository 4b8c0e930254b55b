#include "planner/explore/pipeline/pipeline_problem.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "simulator/pipeline/pipeline_length.h"
#include "simulator/pipeline/simulated_length.h"

namespace automap {

PipelineStage PipelineProblem::TimesOf(Range range, Range devices) const {
  const std::vector<LayerTimes>& sums = times_[slowest_type_[devices.begin][devices.count()]];
  const LayerTimes &from = sums[range.begin], &to = sums[range.end];
  const double share = ShareOf(devices.count());
  PipelineStage stage;
  stage.forward =
      to.forward_fixed - from.forward_fixed + (to.forward_scaled - from.forward_scaled) * share;
  stage.backward =
      to.backward_fixed - from.backward_fixed + (to.backward_scaled - from.backward_scaled) * share;
  stage.update = to.update - from.update + copy_time_[range.begin][range.count()];
  return stage;
}

Seconds PipelineProblem::GradientSync(Range range, Range devices) const {
  constexpr int kShift = 52;  // 4096 entries
  if (known_syncs_.empty()) known_syncs_.resize(size_t{1} << (64 - kShift));
  const int32_t first = links_->Like(devices.begin), count = devices.count();
  const uint64_t ranges = static_cast<uint64_t>(range.begin) << 48 |
                          static_cast<uint64_t>(range.end) << 32 |
                          static_cast<uint64_t>(first) << 16 | count;
  KnownSync& known = known_syncs_[ranges * 0x9e3779b97f4a7c15u >> kShift];
  if (known.ranges != ranges) {
    known = {ranges, links_->AllReduce(first, count,
                                       Bytes{gradients_[range.end] - gradients_[range.begin]})};
  }
  return known.time;
}

double PipelineProblem::FindLeastSync(Range range) const {
  const double all = gradients_.back();
  return all > 0 ? GradientSync({0, layers()}, range).value / all : 0;
}

Seconds PipelineProblem::LeastTail(int32_t end, Range range) const {
  const Seconds update = times_[slowest_type_[range.begin][range.count()]][end].update;
  return update + Seconds{gradients_[end] * LeastSyncOfByte(range)};
}

PipelineStage PipelineProblem::StageOf(Range range, Range devices) const {
  PipelineStage stage = TimesOf(range, devices);
  const double share = ShareOf(devices.count());
  stage.gradient_sync = GradientSync(range, devices);
  stage.resident = {resident_[range.end] - resident_[range.begin] +
                    copies_[range.begin][range.count()] +
                    std::max(fixed_workspace_[range.begin][range.count()],
                             workspace_[range.begin][range.count()] * share)};
  const double received = ReceivedAt(range.begin);
  stage.activations = {(saved_[range.end] - saved_[range.begin] + received) * share};
  return stage;
}

Seconds PipelineProblem::Send(int32_t layer_end, int32_t first, int32_t cut, int32_t end) const {
  return links_->Transfer(first, cut - first, end - cut,
                          chain_.layers[layer_end - 1].boundary / options_.micro_batches) +
         GatherTime(layer_end, end - cut);
}

double PipelineProblem::Need(Range range, Range devices, int32_t stages_after,
                             double received) const {
  const double share = ShareOf(devices.count());
  const double held = std::min(options_.micro_batches, stages_after + 1);
  return resident_[range.end] - resident_[range.begin] + copies_[range.begin][range.count()] +
         std::max(fixed_workspace_[range.begin][range.count()],
                  workspace_[range.begin][range.count()] * share) +
         held * (saved_[range.end] - saved_[range.begin] + received) * share;
}

StageMemory PipelineProblem::MemoryOf(Range range, Range devices, int32_t in_flight) const {
  const double share = ShareOf(devices.count());
  const double received = ReceivedAt(range.begin);
  const double variables = variables_[range.end] - variables_[range.begin];
  StageMemory memory;
  memory.parameters = memory.gradients = Bytes{variables + copies_[range.begin][range.count()] / 2};
  memory.optimizer = {resident_[range.end] - resident_[range.begin] - 2 * variables};
  memory.activations = {in_flight * (saved_[range.end] - saved_[range.begin] + received) * share};
  memory.workspace = {std::max(fixed_workspace_[range.begin][range.count()],
                               workspace_[range.begin][range.count()] * share)};
  return memory;
}

Seconds PipelineProblem::WholeWork(Range range, Range devices) const {
  const int32_t type = slowest_type_[devices.begin][devices.count()];
  Seconds work;
  for (int32_t layer = range.begin; layer < range.end; ++layer) {
    const Layer& of = chain_.layers[layer];
    const LayerTimes& times = of.whole_times.empty() ? of.times[type] : of.whole_times[type];
    work += options_.micro_batches * (times.forward_fixed + times.backward_fixed) +
            times.forward_scaled + times.backward_scaled + times.update;
  }
  return work;
}

PipelineStage PipelineProblem::ExchangeOf(Range range, Range devices,
                                          std::optional<CollectiveKind> kind) const {
  const double share = ShareOf(devices.count());
  PipelineStage stage;
  for (int32_t layer = range.begin; layer < range.end; ++layer) {
    for (const LayerExchange& exchange : chain_.layers[layer].exchanges) {
      if (kind && exchange.kind != *kind) continue;
      const LayerTimes& times = exchange.times;
      stage.forward += times.forward_fixed + times.forward_scaled * share;
      stage.backward += times.backward_fixed + times.backward_scaled * share;
      stage.update += times.update;
    }
  }
  return stage;
}

double PipelineProblem::Pressure(Range range, Range devices, int32_t stages_after) const {
  const double received = ReceivedAt(range.begin);
  return Need(range, devices, stages_after, received) / std::max(1.0, MemoryLimit(devices).value);
}

double PipelineProblem::LeastPressure(Range range, Range devices, int32_t stages_after) const {
  return Need(range, devices, stages_after, 0) / std::max(1.0, MemoryLimit(devices).value);
}

Bytes PipelineProblem::MemoryLimit(Range devices) const {
  return limit_[devices.begin][devices.count()];
}

Pipeline PipelineProblem::PipelineOf(const PipelineCuts& cuts) const {
  const int32_t count = static_cast<int32_t>(cuts.layer_ends.size());
  Pipeline pipeline;
  pipeline.micro_batches = options_.micro_batches;
  pipeline.stages.reserve(count);
  Range layers, devices;
  for (int32_t s = 0; s < count; ++s) {
    layers = {layers.end, cuts.layer_ends[s]};
    devices = {devices.end, cuts.device_ends[s]};
    PipelineStage stage = StageOf(layers, devices);
    if (s + 1 < count) {
      stage.send = stage.send_back =
          Send(layers.end, devices.begin, devices.end, cuts.device_ends[s + 1]);
    }
    pipeline.stages.push_back(stage);
  }
  return pipeline;
}

PipelineCost PipelineProblem::Cost(const PipelineCuts& cuts) const {
  PipelineCost cost = MemoryCost(cuts);
  cost.length = PipelineLength(PipelineOf(cuts).stages, options_.micro_batches);
  return cost;
}

PipelineCost PipelineProblem::SimulatedCost(const PipelineCuts& cuts) const {
  PipelineCost cost = MemoryCost(cuts);
  cost.length = SimulatedLength(PipelineOf(cuts).stages, options_.micro_batches);
  return cost;
}

// Without the length: of the stage with the least memory left.
PipelineCost PipelineProblem::MemoryCost(const PipelineCuts& cuts) const {
  const int32_t count = static_cast<int32_t>(cuts.layer_ends.size());
  PipelineCost cost;
  Range layers, devices;
  for (int32_t s = 0; s < count; ++s) {
    layers = {layers.end, cuts.layer_ends[s]};
    devices = {devices.end, cuts.device_ends[s]};
    const double pressure = Pressure(layers, devices, count - 1 - s);
    if (s > 0 && pressure <= cost.pressure) continue;
    cost.pressure = pressure;
    cost.memory_limit = MemoryLimit(devices);
    cost.peak_memory = cost.memory_limit * pressure;
  }
  return cost;
}

bool IsBetter(const PipelineCost& a, const PipelineCost& b, bool ignore_memory) {
  if (ignore_memory) return a.length < b.length;
  if (a.fits() != b.fits()) return a.fits();
  if (a.fits() || a.pressure == b.pressure) return a.length < b.length;
  return a.pressure < b.pressure;
}

bool PipelineProblem::IsLegal(const PipelineCuts& cuts) const {
  const size_t count = options_.stages;
  if (cuts.layer_ends.size() != count || cuts.device_ends.size() != count) return false;
  if (cuts.layer_ends.back() != layers() || cuts.device_ends.back() != devices()) return false;
  for (size_t s = 0; s < count; ++s) {
    const int32_t layer = s > 0 ? cuts.layer_ends[s - 1] : 0;
    const int32_t device = s > 0 ? cuts.device_ends[s - 1] : 0;
    if (cuts.layer_ends[s] <= layer || cuts.device_ends[s] <= device) return false;
    if (cuts.layer_ends[s] > layers() || cuts.device_ends[s] > devices()) return false;
    if (!HasVariable({layer, cuts.layer_ends[s]})) return false;
  }
  return true;
}

absl::Status PipelineProblem::Check() const {
  if (options_.stages > devices()) {
    return absl::InvalidArgumentError(absl::StrCat("options.stages: ", options_.stages,
                                                   ", must be at most the number of devices, ",
                                                   devices()));
  }
  if (options_.stages > VariableLayersFrom(0)) {
    return absl::FailedPreconditionError(
        absl::StrCat("options.stages: ", options_.stages, ", the module can be cut into at most ",
                     VariableLayersFrom(0), " parts with a variable each (a loop is one part)"));
  }
  return absl::OkStatus();
}

int32_t PipelineProblem::LayerBetween(Range range, double share) const {
  const double begun = Work(range.begin).value;
  const double wanted = begun + share * (Work(range.end).value - begun);
  int32_t low = range.begin, high = range.end;
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    Work(middle).value < wanted ? low = middle + 1 : high = middle;
  }
  const bool before = low > range.begin && wanted - Work(low - 1).value < Work(low).value - wanted;
  return before ? low - 1 : low;
}

PipelineCuts EvenCuts(const PipelineProblem& problem) {
  const int32_t stages = problem.options().stages, layers = problem.layers();
  PipelineCuts cuts;
  int32_t layer = 0;
  for (int32_t s = 1; s < stages; ++s) {
    const double wanted = problem.Work(layers).value * s / stages;
    int32_t end = layer + 1;
    const auto distance = [&](int32_t at) { return std::abs(problem.Work(at).value - wanted); };
    const auto may_go_on = [&](int32_t at) {
      return at < layers && problem.VariableLayersFrom(at) >= stages - s;
    };
    while (may_go_on(end + 1) &&
           (!problem.HasVariable({layer, end}) || distance(end + 1) < distance(end)))
      ++end;
    cuts.layer_ends.push_back(layer = end);
    cuts.device_ends.push_back(
        static_cast<int32_t>(static_cast<int64_t>(problem.devices()) * s / stages));
  }
  cuts.layer_ends.push_back(layers);
  cuts.device_ends.push_back(problem.devices());
  return cuts;
}

}  // namespace automap
