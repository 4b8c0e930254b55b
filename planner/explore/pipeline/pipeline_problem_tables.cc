// What PipelineProblem works out once: prefix sums and tables of ranges.
#include <algorithm>
#include <cmath>

#include "planner/explore/pipeline/pipeline_problem.h"

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
                                 const PipelineProblemOptions& options,
                                 std::shared_ptr<StageLinks> links)
    : chain_(chain),
      options_(options),
      links_(links != nullptr ? std::move(links)
                              : std::make_shared<StageLinks>(cluster, chain.group_size)) {
  SumLayers();
  TabulateRanges();
  TabulateDevices();
}

void PipelineProblem::SumLayers() {
  const auto& layers = chain_.layers;
  for (size_t type = 0; type < layers.front().times.size(); ++type) {
    LayerTimes sum;
    std::vector<LayerTimes>& sums = times_.emplace_back(1, sum);
    for (const Layer& layer : layers) {
      const LayerTimes& times = layer.times[type];
      sum.forward_fixed += times.forward_fixed;
      sum.forward_scaled += times.forward_scaled;
      sum.backward_fixed += times.backward_fixed;
      sum.backward_scaled += times.backward_scaled;
      sum.update += times.update;
      sums.push_back(sum);
    }
  }
  saved_ = PrefixSums<double>(layers, [](const Layer& layer) { return layer.saved.value; });
  variables_ = PrefixSums<double>(layers, [](const Layer& layer) { return layer.variables.value; });
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
        time += 2 * links_->SlowestTransfer(shared.bytes);
      }
      copies_[begin].push_back(bytes);
      copy_time_[begin].push_back(time);
    }
  }
}

void PipelineProblem::TabulateDevices() {
  const int32_t count = devices();
  least_syncs_.assign((size_t{1} + count) * count, -1);
  const double samples = static_cast<double>(chain_.batch) / options_.micro_batches;
  share_ = {0};
  for (int32_t size = 1; size <= count; ++size) {
    share_.push_back(chain_.batch > 0
                         ? std::ceil(samples / size - 1e-9) / static_cast<double>(chain_.batch)
                         : 1.0 / (static_cast<double>(options_.micro_batches) * size));
  }
  for (int32_t first = 0; first < count; ++first) {
    auto& types = slowest_type_.emplace_back(1, 0);
    auto& limits = limit_.emplace_back(1, Bytes{0});
    for (int32_t size = 1; first + size <= count; ++size) {
      const int32_t type = times_.size() > 1 ? links_->SlowestType(first + size - 1, 1) : 0;
      const auto slower = [&](int32_t a, int32_t b) {
        return times_.size() > 1 &&
               links_->cluster().types[a].peak[0] < links_->cluster().types[b].peak[0];
      };
      types.push_back(size == 1 || slower(type, types.back()) ? type : types.back());
      const Bytes limit = links_->MemoryLimit(first + size - 1, 1);
      limits.push_back(size == 1 ? limit : std::min(limits.back(), limit));
    }
  }
  // Devices count by their speed.
  std::vector<double> speed = {0};
  for (int32_t device = 0; device < count; ++device) {
    const int32_t type = links_->SlowestType(device, 1);
    speed.push_back(speed.back() +
                    (times_.size() > 1 ? links_->cluster().types[type].peak[0].value : 1.0));
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

}  // namespace automap
