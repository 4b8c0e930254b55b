#include "planner/explore/pipeline/local_cuts.h"

#include <algorithm>
#include <cstdlib>

#include "planner/explore/pipeline/best_so_far.h"

namespace automap {
namespace {

constexpr int kRounds = 200;
constexpr int32_t kNearPlaces = 2;  // devices
constexpr int32_t kNearLayers = 6;
constexpr int64_t kMostSimulatedTasks = 10'000'000;

// Cuts one step away: each end of layers or devices from stage `begun` on moved by a power of two,
// or two neighbours together.
// Until `stop`, asked for each stage, says true.
template <typename Visit>
void Neighbours(const PipelineCuts& cuts, int32_t begun, const std::function<bool()>& stop,
                const Visit& visit) {
  const int32_t count = static_cast<int32_t>(cuts.layer_ends.size()) - 1;
  PipelineCuts next = cuts;
  for (int32_t s = begun; s < count && !(stop && stop()); ++s) {
    const bool has_next = s + 1 < count;
    for (const int32_t step : {1, -1, 2, -2, 4, -4, 8, -8, 16, -16}) {
      next.layer_ends[s] = cuts.layer_ends[s] + step;
      visit(next);
      if (has_next) next.layer_ends[s + 1] += step, visit(next);
      if (has_next) next.layer_ends[s + 1] = cuts.layer_ends[s + 1];
    }
    for (const int32_t device : {1, -1, 2, -2}) {
      next.device_ends[s] = cuts.device_ends[s] + device;
      for (const int32_t step : {0, 1, -1, 2, -2, 4, -4}) {
        next.layer_ends[s] = cuts.layer_ends[s] + step;
        visit(next);
      }
      next.layer_ends[s] = cuts.layer_ends[s];
      if (has_next) next.device_ends[s + 1] += device, visit(next);
      if (has_next) next.device_ends[s + 1] = cuts.device_ends[s + 1];
    }
    next.layer_ends[s] = cuts.layer_ends[s];
    next.device_ends[s] = cuts.device_ends[s];
  }
}

// Cuts with two neighbouring ends moved, each in both respects. Until `stop`, asked for each pair,
// says true.
template <typename Visit>
void PairNeighbours(const PipelineCuts& cuts, int32_t begun, const std::function<bool()>& stop,
                    const Visit& visit) {
  const int32_t count = static_cast<int32_t>(cuts.layer_ends.size()) - 1;
  PipelineCuts next = cuts;
  for (int32_t s = begun; s + 1 < count && !(stop && stop()); ++s) {
    for (const int32_t place : {0, 1, -1}) {
      next.device_ends[s] = cuts.device_ends[s] + place;
      for (const int32_t next_place : {0, 1, -1}) {
        next.device_ends[s + 1] = cuts.device_ends[s + 1] + next_place;
        for (const int32_t step : {0, 1, -1, 2, -2}) {
          next.layer_ends[s] = cuts.layer_ends[s] + step;
          for (const int32_t next_step : {0, 1, -1, 2, -2}) {
            next.layer_ends[s + 1] = cuts.layer_ends[s + 1] + next_step;
            visit(next);
          }
        }
      }
    }
    next.layer_ends[s] = cuts.layer_ends[s], next.layer_ends[s + 1] = cuts.layer_ends[s + 1];
    next.device_ends[s] = cuts.device_ends[s], next.device_ends[s + 1] = cuts.device_ends[s + 1];
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
  // With `taken` of stage `at`'s layers as a stage on `more` devices before or behind it; `cuts`
  // have one more stage than there is here.
  void PutWith(size_t at, bool before, int32_t taken, int32_t more, PipelineCuts& cuts) const {
    int32_t layer = 0, device = 0;
    size_t stage = 0;
    const auto put = [&](int32_t of_layers, int32_t of_devices) {
      cuts.layer_ends[stage] = layer += of_layers;
      cuts.device_ends[stage++] = device += of_devices;
    };
    for (size_t s = 0; s < layers.size(); ++s) {
      if (s == at && before) put(taken, more);
      put(layers[s] - (s == at ? taken : 0), devices[s]);
      if (s == at && !before) put(taken, more);
    }
  }
};

// Cuts with one stage from number `begun` on elsewhere: its layers go to a neighbour, and some of
// another stage's first or last layers become a stage on as many devices. The devices of the stages
// between move along. Until `stop`, asked for each such stage, says true.
template <typename Visit>
void Relocations(const PipelineCuts& cuts, size_t begun, const std::function<bool()>& stop,
                 const Visit& visit) {
  const size_t count = cuts.layer_ends.size();
  PipelineCuts next = cuts;
  for (size_t gone = begun; gone < count; ++gone) {
    for (const bool to_next : {false, true}) {
      if (to_next ? gone + 1 == count : gone == begun) continue;
      if (stop && stop()) return;
      StageSizes sizes(cuts);
      const int32_t moved = sizes.devices[gone];
      sizes.layers[to_next ? gone + 1 : gone - 1] += sizes.layers[gone];
      sizes.layers.erase(sizes.layers.begin() + gone);
      sizes.devices.erase(sizes.devices.begin() + gone);
      for (size_t at = begun; at + 1 < count; ++at) {
        for (int32_t taken = 1; taken < sizes.layers[at]; taken += std::max(1, taken / 4)) {
          for (const bool before : {false, true}) {
            sizes.PutWith(at, before, taken, moved, next);
            visit(next);
          }
        }
      }
    }
  }
}

// Moves the end of stage `s` to the best layer and place; whether that is another one. Layers near
// its own and near where the work divides as the devices do are looked at, and the outermost ones;
// of two stages all. Until `stop`, asked for each place, says true.
bool MoveEnd(const PipelineProblem& problem, int32_t s, const std::function<bool()>& stop,
             BestSoFar& best) {
  const PipelineCuts start = best.cuts();
  const int32_t layer = s > 0 ? start.layer_ends[s - 1] : 0, layer_end = start.layer_ends[s + 1];
  const int32_t device = s > 0 ? start.device_ends[s - 1] : 0,
                device_end = start.device_ends[s + 1];
  const bool looks_everywhere = problem.options().stages == 2;
  PipelineCuts next = start;
  for (int32_t place = device + 1; place < device_end; ++place) {
    const bool is_near = looks_everywhere || std::abs(place - start.device_ends[s]) <= kNearPlaces;
    if (!is_near && !problem.IsServerEnd(place)) continue;
    if (stop && stop()) break;
    next.device_ends[s] = place;
    const int32_t even =
        problem.LayerBetween({layer, layer_end}, (place - device) * 1.0 / (device_end - device));
    const auto is_looked_at = [&](int32_t end) {
      return looks_everywhere || std::abs(end - even) <= kNearLayers ||
             std::abs(end - start.layer_ends[s]) <= kNearLayers || end == layer + 1 ||
             end + 1 == layer_end;
    };
    for (int32_t end = layer + 1; end < layer_end; ++end) {
      if (!is_looked_at(end)) continue;
      if (best.IsLonger(s, {layer, end}, {device, place})) break;  // more layers take no less
      if (best.IsLonger(s, {end, layer_end}, {place, device_end})) continue;
      next.layer_ends[s] = end;
      best.Offer(next);
    }
  }
  return best.cuts() != start;
}

}  // namespace

PipelineCuts LocalCuts(const PipelineProblem& problem, PipelineCuts start,
                       const std::function<bool()>& stop, int32_t begun,
                       std::set<PipelineCuts>* been) {
  BestSoFar best(problem, std::move(start));
  const int32_t cuts = problem.options().stages - 1;
  bool moved = cuts > begun;
  for (int round = 0; moved && round < kRounds && !(stop && stop()); ++round) {
    if (been != nullptr && !been->insert(best.cuts()).second) break;
    moved = false;
    for (int32_t s = begun; s < cuts; ++s) moved = MoveEnd(problem, s, stop, best) || moved;
    if (moved) continue;
    const PipelineCuts here = best.cuts();
    Neighbours(here, begun, stop,
               [&](const PipelineCuts& next) { moved = best.Offer(next) || moved; });
    if (moved) continue;
    PairNeighbours(here, begun, stop,
                   [&](const PipelineCuts& next) { moved = best.Offer(next) || moved; });
  }
  return best.cuts();
}

PipelineCuts WideLocalCuts(const PipelineProblem& problem, PipelineCuts start,
                           const std::function<bool()>& stop, int32_t begun) {
  PipelineCuts best = LocalCuts(problem, std::move(start), stop, begun);
  for (int round = 0; round < kRounds && !(stop && stop()); ++round) {
    BestSoFar relocated(problem, best);
    Relocations(best, begun, stop, [&](const PipelineCuts& next) { relocated.Offer(next); });
    if (relocated.cuts() == best) break;
    best = LocalCuts(problem, relocated.cuts(), stop, begun);
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
    Neighbours(start, 0, nullptr, [&](const PipelineCuts& next) {
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
