#include "planner/explore/pipeline/cut_candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

constexpr size_t kRefinedFirst = 24, kRefinedLater = 8;  // candidates
constexpr int32_t kSparse = 9;                           // layers
constexpr int32_t kShortLine = 16, kNear = 3;            // devices
constexpr int64_t kMostSimulated = 4096;                 // tasks of a step
constexpr size_t kSimulatedGuesses = 12;                 // candidates
constexpr Seconds kNoLimit = {std::numeric_limits<double>::infinity()};

// Whether a thinned list has a layer this far from where the work divides as the devices do: near
// ones all, others ever more sparsely.
bool IsLookedAt(int32_t distance) {
  constexpr int32_t kFar[] = {6, 9, 13, 19, 28, 41, 60, 88, 129, 190, 280};
  return distance <= 4 || std::binary_search(std::begin(kFar), std::end(kFar), distance);
}

// The whole numbers of [first, last], those next to `centre` first.
std::vector<int32_t> Outwards(int32_t first, int32_t last, int32_t centre) {
  std::vector<int32_t> all(std::max(0, last - first + 1));
  std::iota(all.begin(), all.end(), first);
  std::stable_sort(all.begin(), all.end(), [centre](int32_t a, int32_t b) {
    return std::abs(a - centre) < std::abs(b - centre);
  });
  return all;
}

}  // namespace

// The best cut for each layer and for each place.
class CutCandidates::Shortlist {
 public:
  // Of these so many are asked for.
  explicit Shortlist(size_t wanted) : wanted_(wanted) {}

  void Keep(const CutCandidate& made) {
    KeepIn(of_layer_, made.layer_end, made);
    KeepIn(of_place_, made.device_end, made);
    FindEnough();
  }

  // A cut with a longer projection is neither, or not among the wanted.
  Seconds LimitAt(int32_t layer_end, int32_t device_end) const {
    const Seconds limit = std::max(LimitIn(of_layer_, layer_end), LimitIn(of_place_, device_end));
    return enough_.value > 0 ? std::min(limit, enough_) : limit;
  }

  // Those with the shortest projections first, before them those that fit.
  std::vector<CutCandidate> Take() const {
    std::vector<CutCandidate> all;
    for (const auto& [layer, candidate] : of_layer_) all.push_back(candidate);
    for (const auto& [device, candidate] : of_place_) {
      if (of_layer_.at(candidate.layer_end).device_end != device) all.push_back(candidate);
    }
    std::sort(all.begin(), all.end(), IsShorter);
    return all;
  }

 private:
  using Best = std::map<int32_t, CutCandidate>;

  static void KeepIn(Best& best, int32_t key, const CutCandidate& made) {
    const auto [found, is_new] = best.emplace(key, made);
    if (!is_new && IsShorter(made, found->second)) found->second = made;
  }
  static Seconds LimitIn(const Best& best, int32_t key) {
    const auto found = best.find(key);
    return found != best.end() && found->second.fits ? found->second.projection : kNoLimit;
  }

  // As many layers as are wanted have a cut that fits whose projection is at most `enough_`.
  void FindEnough() {
    if (of_layer_.size() < wanted_) return;
    projections_.clear();
    for (const auto& [layer, candidate] : of_layer_) {
      if (candidate.fits) projections_.push_back(candidate.projection);
    }
    if (projections_.size() < wanted_) return;
    std::nth_element(projections_.begin(), projections_.begin() + (wanted_ - 1),
                     projections_.end());
    enough_ = projections_[wanted_ - 1];
  }

  const size_t wanted_;
  Best of_layer_, of_place_;
  std::vector<Seconds> projections_;
  Seconds enough_;  // 0: not so many yet
};

CutCandidates::CutCandidates(const PipelineProblem& problem, PipelineEnvironmentOptions options)
    : problem_(problem),
      options_(options),
      shares_(problem, options.is_refined, options.is_thorough) {}

const std::vector<CutCandidate>& CutCandidates::Of(const PipelinePrefix& prefix) {
  const auto [found, is_new] = known_.try_emplace(prefix.cuts());
  if (is_new) {
    found->second = options_.is_paper() ? OfPaper(prefix) : Shortest(prefix);
    const bool any_fits = std::any_of(found->second.begin(), found->second.end(),
                                      [](const CutCandidate& c) { return c.is_legal && c.fits; });
    for (CutCandidate& candidate : found->second)
      candidate.is_legal = candidate.is_legal && (candidate.fits || !any_fits);
  }
  return found->second;
}

PipelineCost CutCandidates::CostOf(const PipelineCuts& cuts) const {
  const int64_t tasks = int64_t{2} * problem_.options().stages * problem_.options().micro_batches;
  return options_.is_thorough && tasks <= kMostSimulated ? problem_.SimulatedCost(cuts)
                                                         : problem_.Cost(cuts);
}

bool CutCandidates::IsShorter(const CutCandidate& a, const CutCandidate& b) {
  if (a.is_legal != b.is_legal) return a.is_legal;
  if (a.fits != b.fits) return a.fits;
  if (a.projection != b.projection) return a.projection < b.projection;
  return std::pair(a.layer_end, a.device_end) < std::pair(b.layer_end, b.device_end);
}

// Keeps the projection by that share if it is the first or shorter, and maybe not if it is longer
// than `limit`.
void CutCandidates::Project(const PipelinePrefix& prefix, RestShare share, Seconds limit,
                            CutCandidate& candidate) const {
  const PipelineCuts cuts =
      shares_.CutsWith(prefix, candidate.layer_end, candidate.device_end, share);
  const bool is_first = candidate.projection.value <= 0;
  if (!is_first) limit = std::min(limit, candidate.projection);
  if (!prefix.PriceWithin(cuts, limit, stages_)) return;
  const Seconds length = PipelineLength(stages_, problem_.options().micro_batches);
  if (!is_first && length >= candidate.projection) return;
  candidate.projection = length;
  candidate.share = share;
}

// By even shares; with several stages behind also by one of them large, the next or the last. There
// is a projection unless all are longer than `limit`.
CutCandidate CutCandidates::Make(const PipelinePrefix& prefix, int32_t layer_end,
                                 int32_t device_end, Seconds limit) const {
  CutCandidate candidate = {layer_end, device_end, {}, {}, false, true};
  const int32_t behind = prefix.stages_behind();
  candidate.fits = problem_.MayUse({prefix.first_layer(), layer_end},
                                   {prefix.first_device(), device_end}, behind);
  Project(prefix, {0, behind}, limit, candidate);
  const bool is_shared = problem_.devices() - device_end > behind;  // else each has one
  if (behind > 1 && is_shared && !options_.is_paper() && !options_.is_sparse)
    Project(prefix, {0, 1}, limit, candidate), Project(prefix, {behind - 1, 1}, limit, candidate);
  for (int32_t way = 0; way < shares_.planned() && behind > 1; ++way) {
    if (shares_.HasPlanned(way, behind, layer_end, device_end))
      Project(prefix, {0, 1, false, way}, limit, candidate);
  }
  return candidate;
}

// The first few by all ways with the large ones side by side.
void CutCandidates::Refine(const PipelinePrefix& prefix,
                           std::vector<CutCandidate>& candidates) const {
  const size_t count = prefix.cuts().layer_ends.empty() ? kRefinedFirst : kRefinedLater;
  const int32_t behind = prefix.stages_behind();
  for (size_t i = 0; i < std::min(count, candidates.size()); ++i) {
    for (int32_t large = 1; large <= behind; ++large) {
      for (int32_t before = 0; before + large <= behind; ++before)
        Project(prefix, {before, large, true}, kNoLimit, candidates[i]);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), IsShorter);
}

// The first by simulation, until the others cannot be shorter, as they are not by the closed form;
// of what is a guess anyhow only some.
void CutCandidates::Simulate(const PipelinePrefix& prefix,
                             std::vector<CutCandidate>& candidates) const {
  const size_t most = prefix.stages_behind() == 1 ? candidates.size() : kSimulatedGuesses;
  Seconds shortest;
  for (size_t i = 0; i < std::min(most, candidates.size()); ++i) {
    CutCandidate& candidate = candidates[i];
    if (i > 0 && candidate.projection >= shortest) break;
    if (!candidate.fits && !problem_.options().ignore_memory) break;
    candidate.projection = CostOf(CutsWith(prefix, candidate)).length;
    shortest = i == 0 ? candidate.projection : std::min(shortest, candidate.projection);
  }
  std::stable_sort(candidates.begin(), candidates.end(), IsShorter);
}

// No projection of a cut there is shorter: the stage that ends there, and the rest if it could be
// shared out without loss.
Seconds CutCandidates::LeastLength(const PipelinePrefix& prefix, int32_t layer_end,
                                   int32_t device_end) const {
  const PipelineStage stage =
      problem_.TimesOf({prefix.first_layer(), layer_end}, {prefix.first_device(), device_end});
  const Seconds busy = stage.forward + stage.backward;
  const Seconds rest =
      (problem_.LeastSlowest(problem_.layers(), 1) - problem_.LeastSlowest(layer_end, 1)) /
      (problem_.devices() - device_end);
  return prefix.way() + busy + rest + std::max(busy, rest) * (problem_.options().micro_batches - 1);
}

// Where the devices are cut in proportion to the work before a layer, if the rest is left enough.
int32_t CutCandidates::PlaceFor(const PipelinePrefix& prefix, int32_t layer_end) const {
  return std::clamp(problem_.ProportionalDevices(layer_end), prefix.first_device() + 1,
                    prefix.last_place());
}

std::vector<CutCandidate> CutCandidates::OfPaper(const PipelinePrefix& prefix) const {
  const int32_t stages = problem_.options().stages;
  const double centre =
      static_cast<double>(problem_.devices()) * (stages - prefix.stages_behind()) / stages;
  std::vector<CutCandidate> all(std::max(1, problem_.layers() - 1));
  bool any_near = false;
  for (int32_t a = 0; a + 1 < problem_.layers(); ++a) {
    if (!prefix.MayCutAfter(a + 1)) continue;
    all[a] = Make(prefix, a + 1, PlaceFor(prefix, a + 1), kNoLimit);
    any_near = any_near || std::abs(all[a].device_end - centre) <= options_.radius;
  }
  for (CutCandidate& candidate : all) {
    if (any_near && std::abs(candidate.device_end - centre) > options_.radius)
      candidate.is_legal = false;
  }
  return all;
}

void CutCandidates::Consider(const PipelinePrefix& prefix, int32_t layer_end, int32_t device_end,
                             Shortlist& shortlist) const {
  const bool is_short =
      !options_.is_sparse && prefix.last_place() - prefix.first_device() <= kShortLine;
  const int32_t near = options_.is_sparse ? 1 : kNear;
  const bool is_near = is_short || std::abs(device_end - PlaceFor(prefix, layer_end)) <= near;
  const bool is_between = problem_.IsServerEnd(device_end) && !options_.is_sparse;
  if (!prefix.MayCutAfter(layer_end) || (!is_near && !is_between)) return;
  const Seconds limit = shortlist.LimitAt(layer_end, device_end);
  if (LeastLength(prefix, layer_end, device_end) > limit) return;
  const CutCandidate made = Make(prefix, layer_end, device_end, limit);
  if (made.projection.value > 0) shortlist.Keep(made);
}

std::vector<CutCandidate> CutCandidates::Shortest(const PipelinePrefix& prefix) const {
  const int32_t first_layer = prefix.first_layer(), first_device = prefix.first_device();
  Shortlist shortlist(kMost);
  // From an even share of the devices, and where the work divides as the devices do, outwards, as
  // the best are found first.
  for (const int32_t device :
       Outwards(first_device + 1, prefix.last_place(),
                first_device + (problem_.devices() - first_device) / prefix.stages_left())) {
    const int32_t centre = problem_.LayerAtWork(
        first_layer, (device - first_device) * 1.0 / (problem_.devices() - first_device));
    const int32_t reach = std::max(centre - first_layer, problem_.layers() - centre);
    for (int32_t distance = 0; distance < reach; ++distance) {
      if (options_.is_thin && !IsLookedAt(distance)) continue;
      if (options_.is_sparse && distance > kSparse) break;
      const int32_t below = centre - distance, above = centre + distance;
      if (below > first_layer) Consider(prefix, below, device, shortlist);
      if (distance > 0 && above < problem_.layers()) Consider(prefix, above, device, shortlist);
    }
  }
  std::vector<CutCandidate> all = shortlist.Take();
  if (options_.is_refined && prefix.stages_behind() > 1) {
    const int32_t layer = first_layer + 1, device = first_device + 1;
    const bool has_smallest = std::any_of(all.begin(), all.end(), [&](const CutCandidate& c) {
      return c.layer_end == layer && c.device_end == device;
    });
    if (!has_smallest && prefix.MayCutAfter(layer))
      all.insert(all.begin(), Make(prefix, layer, device, kNoLimit));
    Refine(prefix, all);
  }
  if (all.size() > kMost) all.resize(kMost);
  if (options_.is_thorough) Simulate(prefix, all);
  all.resize(kMost);  // filled up with illegal ones
  return all;
}

}  // namespace automap
