#include "planner/explore/pipeline/local_cuts.h"

#include <algorithm>
#include <cstdlib>

namespace automap {
namespace {

constexpr int kRounds = 200;
constexpr int32_t kNearPlaces = 2;  // devices
constexpr int64_t kMostSimulatedTasks = 10'000'000;

// Cuts one step away: each end of layers or devices moved by a power of two, or two neighbours
// together.
template <typename Visit>
void Neighbours(const PipelineCuts& cuts, const Visit& visit) {
  const int32_t count = static_cast<int32_t>(cuts.layer_ends.size()) - 1;
  for (int32_t s = 0; s < count; ++s) {
    for (const int32_t step : {1, -1, 2, -2, 4, -4, 8, -8, 16, -16}) {
      PipelineCuts next = cuts;
      next.layer_ends[s] += step;
      visit(next);
      if (s + 1 < count) next.layer_ends[s + 1] += step, visit(next);
    }
    for (const int32_t device : {1, -1, 2, -2}) {
      PipelineCuts next = cuts;
      next.device_ends[s] += device;
      visit(next);
      for (const int32_t step : {1, -1, 2, -2, 4, -4}) {
        PipelineCuts both = next;
        both.layer_ends[s] += step;
        visit(both);
      }
      if (s + 1 < count) next.device_ends[s + 1] += device, visit(next);
    }
  }
}

// Stages by their numbers of layers and devices.
struct StageSizes {
  std::vector<int32_t> layers, devices;

  explicit StageSizes(const PipelineCuts& cuts) {
    int32_t layer = 0, device = 0;
    for (size_t s = 0; s < cuts.layer_ends.size(); ++s) {
      layers.push_back(cuts.layer_ends[s] - layer), layer = cuts.layer_ends[s];
      devices.push_back(cuts.device_ends[s] - device), device = cuts.device_ends[s];
    }
  }
  // With `taken` of stage `at`'s layers as a stage on `more` devices before or behind it.
  PipelineCuts With(size_t at, bool before, int32_t taken, int32_t more) const {
    PipelineCuts cuts;
    int32_t layer = 0, device = 0;
    const auto put = [&](int32_t of_layers, int32_t of_devices) {
      cuts.layer_ends.push_back(layer += of_layers);
      cuts.device_ends.push_back(device += of_devices);
    };
    for (size_t s = 0; s < layers.size(); ++s) {
      if (s == at && before) put(taken, more);
      put(layers[s] - (s == at ? taken : 0), devices[s]);
      if (s == at && !before) put(taken, more);
    }
    return cuts;
  }
};

// Cuts with one stage elsewhere: its layers go to a neighbour, and some of another stage's first or
// last layers become a stage on as many devices. The devices of the stages between move along.
template <typename Visit>
void Relocations(const PipelineCuts& cuts, const Visit& visit) {
  const size_t count = cuts.layer_ends.size();
  for (size_t gone = 0; gone < count; ++gone) {
    for (const bool to_next : {false, true}) {
      if (to_next ? gone + 1 == count : gone == 0) continue;
      StageSizes sizes(cuts);
      const int32_t moved = sizes.devices[gone];
      sizes.layers[to_next ? gone + 1 : gone - 1] += sizes.layers[gone];
      sizes.layers.erase(sizes.layers.begin() + gone);
      sizes.devices.erase(sizes.devices.begin() + gone);
      for (size_t at = 0; at + 1 < count; ++at) {
        for (int32_t taken = 1; taken < sizes.layers[at]; taken += std::max(1, taken / 4)) {
          for (const bool before : {false, true}) visit(sizes.With(at, before, taken, moved));
        }
      }
    }
  }
}

// The cuts that are looked at and the best of them.
class Climber {
 public:
  Climber(const PipelineProblem& problem, PipelineCuts start)
      : problem_(problem), best_(std::move(start)), cost_(problem.Cost(best_)) {}

  const PipelineCuts& best() const { return best_; }

  // Whether these cuts are better; then they are the best.
  bool Offer(const PipelineCuts& cuts) {
    if (!problem_.IsLegal(cuts)) return false;
    const PipelineCost cost = problem_.Cost(cuts);
    if (!problem_.IsBetter(cost, cost_)) return false;
    cost_ = cost;
    best_ = cuts;
    return true;
  }

  // Moves the end of stage `s` to the best layer and place; whether that is another one.
  bool MoveEnd(int32_t s) {
    const PipelineCuts start = best_;
    const int32_t layer = s > 0 ? start.layer_ends[s - 1] : 0, layer_end = start.layer_ends[s + 1];
    const int32_t device = s > 0 ? start.device_ends[s - 1] : 0,
                  device_end = start.device_ends[s + 1];
    PipelineCuts next = start;
    for (int32_t place = device + 1; place < device_end; ++place) {
      const bool is_near = std::abs(place - start.device_ends[s]) <= kNearPlaces;
      if (!is_near && !problem_.IsServerEnd(place)) continue;
      next.device_ends[s] = place;
      for (int32_t end = layer + 1; end < layer_end; ++end) {
        if (IsLonger({layer, end}, {device, place})) break;  // more layers take no less
        if (IsLonger({end, layer_end}, {place, device_end})) continue;
        next.layer_ends[s] = end;
        Offer(next);
      }
    }
    return best_ != start;
  }

 private:
  using Range = PipelineProblem::Range;

  // Whether one stage alone takes as long as the best cuts.
  bool IsLonger(Range layers, Range devices) const {
    if (!cost_.fits() && !problem_.options().ignore_memory) return false;
    const PipelineStage stage = problem_.TimesOf(layers, devices);
    return (stage.forward + stage.backward) * problem_.options().micro_batches >= cost_.length;
  }

  const PipelineProblem& problem_;
  PipelineCuts best_;
  PipelineCost cost_;
};

}  // namespace

PipelineCuts LocalCuts(const PipelineProblem& problem, PipelineCuts start,
                       const std::function<bool()>& stop) {
  Climber climber(problem, std::move(start));
  const int32_t cuts = problem.options().stages - 1;
  bool moved = cuts > 0;
  for (int round = 0; moved && round < kRounds && !(stop && stop()); ++round) {
    moved = false;
    for (int32_t s = 0; s < cuts; ++s) moved = climber.MoveEnd(s) || moved;
    if (moved) continue;
    const PipelineCuts here = climber.best();
    Neighbours(here, [&](const PipelineCuts& next) { moved = climber.Offer(next) || moved; });
  }
  return climber.best();
}

PipelineCuts WideLocalCuts(const PipelineProblem& problem, PipelineCuts start,
                           const std::function<bool()>& stop) {
  PipelineCuts best = LocalCuts(problem, std::move(start), stop);
  for (int round = 0; round < kRounds && !(stop && stop()); ++round) {
    Climber climber(problem, best);
    Relocations(best, [&](const PipelineCuts& next) { climber.Offer(next); });
    if (climber.best() == best) break;
    best = LocalCuts(problem, climber.best(), stop);
  }
  return best;
}

PipelineCuts SimulatedLocalCuts(const PipelineProblem& problem, PipelineCuts start,
                                const std::function<bool()>& stop) {
  const int64_t tasks = int64_t{2} * problem.options().stages * problem.options().micro_batches;
  int64_t left = kMostSimulatedTasks;
  PipelineCost cost = problem.SimulatedCost(start);
  for (int round = 0; round < kRounds; ++round) {
    PipelineCuts best = start;
    Neighbours(start, [&](const PipelineCuts& next) {
      if (stop && stop()) left = 0;
      // The closed form is never longer.
      if (left < tasks || !problem.IsLegal(next) || !problem.IsBetter(problem.Cost(next), cost)) {
        return;
      }
      left -= tasks;
      const PipelineCost next_cost = problem.SimulatedCost(next);
      if (!problem.IsBetter(next_cost, cost)) return;
      cost = next_cost;
      best = next;
    });
    if (best == start) break;
    start = best;
  }
  return start;
}

}  // namespace automap
