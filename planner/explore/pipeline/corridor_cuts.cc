#include "planner/explore/pipeline/corridor_cuts.h"

#include <algorithm>
#include <limits>

#include "base/most.h"

namespace automap {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// Where a stage may begin, and the way kept from there on: U, W, Z as in rest_cuts.h.
struct Point {
  int32_t layer = 0, device = 0;
  double until = kNone, through = 0, slowest = 0;
  int32_t next = -1;  // point of the next stage
  int32_t device_end = 0;
};

class CorridorSearch {
 public:
  using Range = PipelineProblem::Range;

  CorridorSearch(const PipelineProblem& problem, const PipelineCuts& cuts, const Corridor& corridor)
      : problem_(problem), cuts_(cuts), cost_(problem.Cost(cuts)) {
    const int32_t stages = problem.options().stages;
    for (const PipelineStage& stage : problem.PipelineOf(cuts).stages) {
      least_ = std::max(least_, (stage.forward + stage.backward).value);
    }
    points_.resize(stages + 1);
    points_[0] = {{0, 0}};
    for (int32_t s = 1; s < stages; ++s) PutPoints(s, corridor);
    Point end = {problem.layers(), problem.devices()};
    end.until = 0;
    points_[stages] = {end};
  }

  PipelineCuts Best() {
    const int32_t stages = problem_.options().stages;
    for (int32_t s = stages - 1; s > 0; --s) {
      for (Point& from : points_[s]) Extend(s, from);
    }
    PipelineCuts best = cuts_;
    const Point start = points_[0].front();
    for (int32_t first = 0; first < static_cast<int32_t>(points_[1].size()); ++first) {
      Point from = start;
      Try(0, first, from);
      if (from.next < 0) continue;
      const PipelineCuts cuts = Follow(from);
      const PipelineCost cost = problem_.Cost(cuts);
      if (problem_.IsBetter(cost, cost_)) cost_ = cost, best = cuts;
    }
    return best;
  }

 private:
  void PutPoints(int32_t s, const Corridor& corridor) {
    const int32_t behind = problem_.options().stages - s;
    const int32_t layer = cuts_.layer_ends[s - 1], device = cuts_.device_ends[s - 1];
    const auto each = [](const std::vector<int32_t>& distances, int32_t centre, int32_t least,
                         int32_t most, const auto& visit) {
      for (const int32_t distance : distances) {
        if (centre - distance >= least) visit(centre - distance);
        if (distance > 0 && centre + distance <= most) visit(centre + distance);
      }
    };
    each(corridor.places, device, s, problem_.devices() - behind, [&](int32_t place) {
      each(corridor.layers, layer, s, problem_.layers() - behind, [&](int32_t end) {
        points_[s].push_back({end, place});
      });
    });
  }

  void Extend(int32_t s, Point& from) {
    for (int32_t to = 0; to < static_cast<int32_t>(points_[s + 1].size()); ++to) Try(s, to, from);
  }

  // The stage `s` from a point to one of the next.
  void Try(int32_t s, int32_t next, Point& from) {
    const Point& to = points_[s + 1][next];
    if (to.layer <= from.layer || to.device <= from.device || to.until == kNone) return;
    const Range layers = {from.layer, to.layer}, devices = {from.device, to.device};
    if (!problem_.HasVariable(layers)) return;
    const int32_t micro_batches = problem_.options().micro_batches;
    const PipelineStage stage = problem_.TimesOf(layers, devices);
    const double busy = (stage.forward + stage.backward).value;
    const int32_t after = problem_.options().stages - 1 - s;
    double send = 0;
    if (after > 0)
      send = problem_.Send(layers.end, devices.begin, devices.end, to.device_end).value;
    const double through = busy + 2 * send + to.through;
    const double slowest = Most(busy, send, to.slowest);
    const double end = through + (micro_batches - 1) * std::max(slowest, least_);
    double until = std::max(end, stage.forward.value + send + to.until);
    if (until >= from.until) return;
    if (!problem_.MayUse(layers, devices, after)) return;
    until = std::max(until, end + (problem_.GradientSync(layers, devices) + stage.update).value);
    if (until >= from.until) return;
    from.until = until, from.through = through, from.slowest = slowest;
    from.next = next, from.device_end = devices.end;
  }

  PipelineCuts Follow(Point point) const {
    PipelineCuts cuts;
    for (int32_t s = 1; s <= problem_.options().stages; ++s) {
      point = points_[s][point.next];
      cuts.layer_ends.push_back(point.layer);
      cuts.device_ends.push_back(point.device);
    }
    return cuts;
  }

  const PipelineProblem& problem_;
  const PipelineCuts& cuts_;
  PipelineCost cost_;
  double least_ = 0;
  std::vector<std::vector<Point>> points_;  // by stage that begins there
};

}  // namespace

PipelineCuts CorridorCuts(const PipelineProblem& problem, const PipelineCuts& cuts,
                          const Corridor& corridor) {
  if (problem.options().stages < 2) return cuts;
  return CorridorSearch(problem, cuts, corridor).Best();
}

}  // namespace automap
