#include "planner/explore/pipeline/pipeline_problem.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

template <typename T>
std::vector<T> PrefixSums(const std::vector<Layer>& layers, T (*value)(const Layer&)) {
  std::vector<T> sums = {T{}};
  for (const Layer& layer : layers) {
    sums.push_back(sums.back());
    sums.back() += value(layer);
  }
  return sums;
}

}  // namespace

PipelineProblem::PipelineProblem(const LayerChain& chain, const Cluster& cluster,
                                 const PipelineProblemOptions& options)
    : chain_(chain), options_(options), links_(cluster) {
  SumLayers();
  TabulateRanges();
  TabulateDevices();
  TabulateSends();
}

void PipelineProblem::SumLayers() {
  const auto& layers = chain_.layers;
  for (size_t type = 0; type < layers.front().times.size(); ++type) {
    Sums& sums = times_.emplace_back();
    const auto add = [&](std::vector<Seconds>& to, Seconds LayerTimes::*field) {
      to.push_back({0});
      for (const Layer& layer : layers) to.push_back(to.back() + layer.times[type].*field);
    };
    add(sums.forward_fixed, &LayerTimes::forward_fixed);
    add(sums.forward_scaled, &LayerTimes::forward_scaled);
    add(sums.backward_fixed, &LayerTimes::backward_fixed);
    add(sums.backward_scaled, &LayerTimes::backward_scaled);
    add(sums.update, &LayerTimes::update);
  }
  saved_ = PrefixSums<double>(layers, [](const Layer& layer) { return layer.saved.value; });
  // Gradients stay beside the variables until the update.
  resident_ = PrefixSums<double>(layers, [](const Layer& layer) {
    return 2 * layer.variables.value + layer.optimizer_state.value;
  });
  gradients_ = PrefixSums<double>(layers, [](const Layer& layer) { return layer.gradients.value; });
  variable_count_ = PrefixSums<int32_t>(layers, [](const Layer& l) { return l.variable_count; });
  variable_layers_ =
      PrefixSums<int32_t>(layers, [](const Layer& l) { return l.variable_count > 0 ? 1 : 0; });
  fastest_fixed_ = fastest_scaled_ = {{0}};
  for (const Layer& layer : layers) {
    const auto least = [&](auto value) {
      Seconds smallest = value(layer.times.front());
      for (const LayerTimes& times : layer.times) smallest = std::min(smallest, value(times));
      return smallest;
    };
    fastest_fixed_.push_back(fastest_fixed_.back() + least([](const LayerTimes& times) {
                               return times.forward_fixed + times.backward_fixed;
                             }));
    fastest_scaled_.push_back(fastest_scaled_.back() + least([](const LayerTimes& times) {
                                return times.forward_scaled + times.backward_scaled;
                              }));
  }
}

void PipelineProblem::TabulateRanges() {
  const int32_t count = layers();
  const double none = 0;
  for (int32_t begin = 0; begin < count; ++begin) {
    workspace_.emplace_back(1, none), fixed_workspace_.emplace_back(1, none);
    copies_.emplace_back(1, none), copy_time_.emplace_back(1, Seconds{0});
    for (int32_t end = begin + 1; end <= count; ++end) {
      const Layer& last = chain_.layers[end - 1];
      workspace_[begin].push_back(std::max(workspace_[begin].back(), last.workspace.value));
      fixed_workspace_[begin].push_back(
          std::max(fixed_workspace_[begin].back(), last.fixed_workspace.value));
      double bytes = 0;
      Seconds time;
      for (const SharedVariable& shared : chain_.shared) {
        const auto first = std::lower_bound(shared.read_by.begin(), shared.read_by.end(), begin);
        const bool reads = first != shared.read_by.end() && *first < end;
        if (!reads || (shared.home >= begin && shared.home < end)) continue;
        bytes += 2 * shared.bytes.value;  // the copy and its gradient
        time += 2 * links_.SlowestTransfer(shared.bytes);
      }
      copies_[begin].push_back(bytes);
      copy_time_[begin].push_back(time);
    }
  }
}

void PipelineProblem::TabulateDevices() {
  const int32_t count = devices();
  for (int32_t first = 0; first < count; ++first) {
    auto& types = slowest_type_.emplace_back(1, 0);
    auto& limits = limit_.emplace_back(1, Bytes{0});
    for (int32_t size = 1; first + size <= count; ++size) {
      const int32_t type = times_.size() > 1 ? links_.SlowestType(first + size - 1, 1) : 0;
      const auto slower = [&](int32_t a, int32_t b) {
        return times_.size() > 1 &&
               links_.cluster().types[a].peak[0] < links_.cluster().types[b].peak[0];
      };
      types.push_back(size == 1 || slower(type, types.back()) ? type : types.back());
      const Bytes limit = links_.MemoryLimit(first + size - 1, 1);
      limits.push_back(size == 1 ? limit : std::min(limits.back(), limit));
    }
  }
  // Devices count by their speed.
  std::vector<double> speed = {0};
  for (int32_t device = 0; device < count; ++device) {
    const int32_t type = links_.SlowestType(device, 1);
    speed.push_back(speed.back() +
                    (times_.size() > 1 ? links_.cluster().types[type].peak[0].value : 1.0));
  }
  const double work = std::max(1e-30, Work(layers()).value);
  for (int32_t end = 0, device = 0; end <= layers(); ++end) {
    const double wanted = Work(end).value / work * speed.back();
    while (device < count &&
           std::abs(speed[device + 1] - wanted) <= std::abs(speed[device] - wanted))
      ++device;
    proportional_.push_back(device);
  }
}

void PipelineProblem::TabulateSends() {
  constexpr double kBytes = 1e12;  // so many that latency does not count
  const int32_t count = devices();
  double least = 0;
  for (int32_t cut = 0; cut < count; ++cut) {
    auto& row = least_per_byte_.emplace_back(1, 0.0);
    auto& most_row = most_per_byte_.emplace_back(1, 0.0);
    for (int32_t size = 1; cut + size <= count; ++size) {
      double best = cut == 0 ? 0 : 1e300, most = 0;
      for (int32_t first = 0; first < cut; ++first) {
        const Seconds zero = links_.Transfer(first, cut - first, size, Bytes{0});
        const Seconds time = links_.Transfer(first, cut - first, size, Bytes{kBytes});
        best = std::min(best, (time - zero).value / kBytes);
        most = std::max(most, (time - zero).value / kBytes);
        most_latency_ = std::max(most_latency_, zero);
      }
      most_row.push_back(most);
      row.push_back(best);
      if (cut > 0 && (least == 0 || best < least)) least = best;
    }
  }
  Seconds before = {1e300};
  for (int32_t end = 0; end <= layers(); ++end) {
    least_send_before_.push_back(end > 1 ? before : Seconds{0});
    if (end == 0) continue;
    before = std::min(
        before, Seconds{chain_.layers[end - 1].boundary.value / options_.micro_batches * least});
  }
}

double PipelineProblem::ShareOf(int32_t count) const {
  if (chain_.batch <= 0) return 1.0 / (static_cast<double>(options_.micro_batches) * count);
  const double samples = static_cast<double>(chain_.batch) / options_.micro_batches;
  return std::ceil(samples / count - 1e-9) / chain_.batch;
}

PipelineStage PipelineProblem::TimesOf(Range range, Range devices) const {
  const int32_t type = slowest_type_[devices.begin][devices.count()];
  const Sums& sums = times_[type];
  const double share = ShareOf(devices.count());
  const auto of = [&](const std::vector<Seconds>& prefix) {
    return prefix[range.end] - prefix[range.begin];
  };
  PipelineStage stage;
  stage.forward = of(sums.forward_fixed) + of(sums.forward_scaled) * share;
  stage.backward = of(sums.backward_fixed) + of(sums.backward_scaled) * share;
  stage.update = of(sums.update) + copy_time_[range.begin][range.count()];
  return stage;
}

PipelineStage PipelineProblem::StageOf(Range range, Range devices) const {
  PipelineStage stage = TimesOf(range, devices);
  const double share = ShareOf(devices.count());
  stage.gradient_sync = GradientSync(range, devices);
  stage.resident = {resident_[range.end] - resident_[range.begin] +
                    copies_[range.begin][range.count()] +
                    std::max(fixed_workspace_[range.begin][range.count()],
                             workspace_[range.begin][range.count()] * share)};
  const double received = range.begin > 0 ? chain_.layers[range.begin - 1].boundary.value : 0;
  stage.activations = {(saved_[range.end] - saved_[range.begin] + received) * share};
  return stage;
}

Seconds PipelineProblem::Send(int32_t layer_end, int32_t first, int32_t cut, int32_t end) const {
  return links_.Transfer(first, cut - first, end - cut,
                         chain_.layers[layer_end - 1].boundary / options_.micro_batches);
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

double PipelineProblem::Pressure(Range range, Range devices, int32_t stages_after) const {
  const double received = range.begin > 0 ? chain_.layers[range.begin - 1].boundary.value : 0;
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
  const Pipeline pipeline = PipelineOf(cuts);
  const int32_t count = static_cast<int32_t>(pipeline.stages.size());
  PipelineCost cost;
  cost.length = PipelineLength(pipeline.stages, options_.micro_batches);
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

bool PipelineProblem::IsBetter(const PipelineCost& a, const PipelineCost& b) const {
  if (options_.ignore_memory) return a.length < b.length;
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

int32_t PipelineProblem::LayerAtWork(int32_t begin, double share) const {
  const double wanted = Work(begin).value + share * (Work(layers()).value - Work(begin).value);
  int32_t low = begin, high = layers();
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    Work(middle).value < wanted ? low = middle + 1 : high = middle;
  }
  const bool before = low > begin && wanted - Work(low - 1).value < Work(low).value - wanted;
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
