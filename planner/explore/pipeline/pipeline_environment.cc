#include "planner/explore/pipeline/pipeline_environment.h"

#include <algorithm>
#include <cmath>

#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

constexpr double kOutOfMemory = -1;                      // paper section 5
constexpr size_t kRefinedFirst = 24, kRefinedLater = 8;  // candidates
constexpr int32_t kSparse = 9;                           // layers
constexpr int32_t kShortLine = 16, kNear = 3;            // devices
constexpr int64_t kMostPlanned = 60'000;                 // stages x layers x devices
constexpr int64_t kMostSimulated = 4096;                 // tasks of a step
constexpr size_t kSimulatedGuesses = 12;                 // candidates

// Whether a thinned list has a layer this far from where the work divides as the devices do: near
// ones all, others ever more sparsely.
bool IsLookedAt(int32_t distance) {
  constexpr int32_t kFar[] = {6, 9, 13, 19, 28, 41, 60, 88, 129, 190, 280};
  return distance <= 4 || std::binary_search(std::begin(kFar), std::end(kFar), distance);
}

}  // namespace

PipelineEnvironment::PipelineEnvironment(const PipelineProblem& problem,
                                         PipelineEnvironmentOptions options)
    : problem_(&problem), options_(options) {
  if (options.is_refined) FindThrifty();
  if (options.is_thorough) PlanRests();
  Reset();
}

int PipelineEnvironment::candidate_features() const {
  return options_.reward == PipelineEnvironmentOptions::Reward::kGap ? kCandidateFeatures : 0;
}

int PipelineEnvironment::observation_size() const {
  return num_actions() * (candidate_features() > 0 ? candidate_features() : kPaperFeatures);
}

void PipelineEnvironment::Reset() {
  cuts_ = {};
  stages_.clear();
  done_ = false;
  if (problem_->options().stages == 1) return Finish();
  FindCandidates();
}

// Structure alone; memory comes on top.
bool PipelineEnvironment::MayCutAfter(int32_t layer_end) const {
  return layer_end > first_layer() && problem_->HasVariable({first_layer(), layer_end}) &&
         problem_->VariableLayersFrom(layer_end) >= stages_left() - 1;
}

// Keeps the projection by `rest` if it is the first or shorter.
void PipelineEnvironment::Project(Rest rest, Candidate& candidate) const {
  const Seconds length = PipelineLength(Projected(candidate.layer_end, candidate.device_end, rest),
                                        problem_->options().micro_batches);
  if (candidate.projection.value > 0 && length >= candidate.projection) return;
  candidate.projection = length;
  candidate.rest = rest;
}

// By even shares; with several stages behind also by one of them large, the next or the last.
PipelineEnvironment::Candidate PipelineEnvironment::MakeCandidate(int32_t layer_end,
                                                                  int32_t device_end) const {
  Candidate candidate = {layer_end, device_end, {}, {}, false, true};
  const int32_t behind = StagesBehind();
  candidate.fits =
      problem_->MayUse({first_layer(), layer_end}, {first_device(), device_end}, behind);
  Project({0, behind}, candidate);
  const bool is_shared = problem_->devices() - device_end > behind;  // else each has one
  if (behind > 1 && is_shared && !is_paper() && !options_.is_sparse)
    Project({0, 1}, candidate), Project({behind - 1, 1}, candidate);
  for (size_t i = 0; i < known_->rests.size() && behind > 1; ++i) {
    if (known_->rests[i].Has(behind, layer_end, device_end))
      Project({0, 1, false, static_cast<int32_t>(i)}, candidate);
  }
  return candidate;
}

// The first so many by all ways with the large ones side by side.
void PipelineEnvironment::Refine(size_t count, std::vector<Candidate>& candidates) const {
  const int32_t behind = StagesBehind();
  for (size_t i = 0; i < std::min(count, candidates.size()); ++i) {
    Candidate& candidate = candidates[i];
    for (int32_t large = 1; large <= behind; ++large) {
      for (int32_t before = 0; before + large <= behind; ++before)
        Project({before, large, true}, candidate);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), IsShorter);
}

// Where the devices are cut in proportion to the work before a layer, if the rest is left enough.
int32_t PipelineEnvironment::PlaceFor(int32_t layer_end) const {
  return std::clamp(problem_->ProportionalDevices(layer_end), first_device() + 1, LastPlace());
}

std::vector<PipelineEnvironment::Candidate> PipelineEnvironment::PaperCandidates() const {
  const double centre = static_cast<double>(problem_->devices()) *
                        (problem_->options().stages - stages_left() + 1) /
                        problem_->options().stages;
  std::vector<Candidate> all(num_actions());
  bool any_near = false;
  for (int a = 0; a < num_actions(); ++a) {
    if (!MayCutAfter(a + 1)) continue;
    all[a] = MakeCandidate(a + 1, PlaceFor(a + 1));
    any_near = any_near || std::abs(all[a].device_end - centre) <= options_.radius;
  }
  for (Candidate& candidate : all) {
    if (any_near && std::abs(candidate.device_end - centre) > options_.radius)
      candidate.is_legal = false;
  }
  return all;
}

bool PipelineEnvironment::IsShorter(const Candidate& a, const Candidate& b) {
  if (a.is_legal != b.is_legal) return a.is_legal;
  if (a.fits != b.fits) return a.fits;
  if (a.projection != b.projection) return a.projection < b.projection;
  return std::pair(a.layer_end, a.device_end) < std::pair(b.layer_end, b.device_end);
}

// No projection of a cut there is shorter: the stage that ends there, and the rest if it could be
// shared out without loss.
Seconds PipelineEnvironment::LeastLength(int32_t layer_end, int32_t device_end) const {
  const PipelineStage stage =
      problem_->TimesOf({first_layer(), layer_end}, {first_device(), device_end});
  const Seconds rest =
      problem_->LeastSlowest(problem_->layers(), 1) - problem_->LeastSlowest(layer_end, 1);
  Seconds before;
  for (const PipelineStage& earlier : stages_) {
    before += earlier.forward + earlier.backward + earlier.send + earlier.send_back;
  }
  return before +
         std::max(stage.forward + stage.backward, rest / (problem_->devices() - device_end)) *
             problem_->options().micro_batches;
}

// The best cut for each layer and for each place.
class PipelineEnvironment::Shortlist {
 public:
  // Of these so many are asked for.
  explicit Shortlist(size_t wanted) : wanted_(wanted) {}

  void Keep(const Candidate& made) {
    KeepIn(of_layer_, made.layer_end, made);
    KeepIn(of_place_, made.device_end, made);
    FindEnough();
  }

  // Whether a cut with no shorter projection than `least` is neither, or not among the wanted.
  bool IsBeaten(int32_t layer_end, int32_t device_end, Seconds least) const {
    if (enough_.value > 0 && enough_ < least) return true;
    return IsBeatenIn(of_layer_, layer_end, least) && IsBeatenIn(of_place_, device_end, least);
  }

  // Those with the shortest projections first, before them those that fit.
  std::vector<Candidate> Take() const {
    std::vector<Candidate> all;
    for (const auto& [layer, candidate] : of_layer_) all.push_back(candidate);
    for (const auto& [device, candidate] : of_place_) {
      if (of_layer_.at(candidate.layer_end).device_end != device) all.push_back(candidate);
    }
    std::sort(all.begin(), all.end(), IsShorter);
    return all;
  }

 private:
  using Best = std::map<int32_t, Candidate>;

  static void KeepIn(Best& best, int32_t key, const Candidate& made) {
    const auto [found, is_new] = best.emplace(key, made);
    if (!is_new && IsShorter(made, found->second)) found->second = made;
  }
  static bool IsBeatenIn(const Best& best, int32_t key, Seconds least) {
    const auto found = best.find(key);
    return found != best.end() && found->second.fits && found->second.projection < least;
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

std::vector<PipelineEnvironment::Candidate> PipelineEnvironment::ShortestCandidates() const {
  // What is refined may come from behind.
  Shortlist shortlist(options_.is_refined ? SIZE_MAX : kCandidates);
  const bool is_short = !options_.is_sparse && LastPlace() - first_device() <= kShortLine;
  const int32_t near = options_.is_sparse ? 1 : kNear;
  const auto consider = [&](int32_t end, int32_t device) {
    const bool is_near = is_short || std::abs(device - PlaceFor(end)) <= near;
    const bool is_between = problem_->IsServerEnd(device) && !options_.is_sparse;
    if (!MayCutAfter(end) || (!is_near && !is_between)) return;
    if (shortlist.IsBeaten(end, device, LeastLength(end, device))) return;
    shortlist.Keep(MakeCandidate(end, device));
  };
  for (int32_t device = first_device() + 1; device <= LastPlace(); ++device) {
    // From where the work divides as the devices do outwards, as the best are found first.
    const int32_t centre = problem_->LayerAtWork(
        first_layer(), (device - first_device()) * 1.0 / (problem_->devices() - first_device()));
    const int32_t reach = std::max(centre - first_layer(), problem_->layers() - centre);
    for (int32_t distance = 0; distance < reach; ++distance) {
      if (options_.is_thin && !IsLookedAt(distance)) continue;
      if (options_.is_sparse && distance > kSparse) break;
      const int32_t below = centre - distance, above = centre + distance;
      if (below > first_layer()) consider(below, device);
      if (distance > 0 && above < problem_->layers()) consider(above, device);
    }
  }
  std::vector<Candidate> all = shortlist.Take();
  if (options_.is_refined && StagesBehind() > 1) {
    const int32_t layer = first_layer() + 1, device = first_device() + 1;
    const bool has_smallest = std::any_of(all.begin(), all.end(), [&](const Candidate& c) {
      return c.layer_end == layer && c.device_end == device;
    });
    if (!has_smallest && MayCutAfter(layer)) all.insert(all.begin(), MakeCandidate(layer, device));
    Refine(cuts_.layer_ends.empty() ? kRefinedFirst : kRefinedLater, all);
  }
  if (all.size() > kCandidates) all.resize(kCandidates);
  if (options_.is_thorough) Simulate(all);
  all.resize(kCandidates);  // filled up with illegal ones
  return all;
}

// Once without knowing what the slowest stage comes to, and once knowing what it then does.
void PipelineEnvironment::PlanRests() {
  const int64_t stages = problem_->options().stages;
  if (stages < 3 || stages * problem_->layers() * problem_->devices() > kMostPlanned) return;
  std::vector<RestCuts>& rests = known_->rests;
  rests.emplace_back(*problem_, Seconds{0});
  if (rests[0].Has(problem_->options().stages, 0, 0))
    rests.emplace_back(*problem_, rests[0].Slowest(problem_->options().stages, 0, 0));
}

PipelineCost PipelineEnvironment::CostOf(const PipelineCuts& cuts) const {
  const int64_t tasks = int64_t{2} * problem_->options().stages * problem_->options().micro_batches;
  return options_.is_thorough && tasks <= kMostSimulated ? problem_->SimulatedCost(cuts)
                                                         : problem_->Cost(cuts);
}

// The first by simulation, until the others cannot be shorter, as they are not by the closed form;
// of what is a guess anyhow only some.
void PipelineEnvironment::Simulate(std::vector<Candidate>& candidates) const {
  const size_t most = StagesBehind() == 1 ? candidates.size() : kSimulatedGuesses;
  Seconds shortest;
  for (size_t i = 0; i < std::min(most, candidates.size()); ++i) {
    Candidate& candidate = candidates[i];
    if (i > 0 && candidate.projection >= shortest) break;
    if (!candidate.fits && !problem_->options().ignore_memory) break;
    candidate.projection =
        CostOf(CutsWith(candidate.layer_end, candidate.device_end, candidate.rest)).length;
    shortest = i == 0 ? candidate.projection : std::min(shortest, candidate.projection);
  }
  std::stable_sort(candidates.begin(), candidates.end(), IsShorter);
}

// Within a third of what a stage has on each side.
void PipelineEnvironment::FindThrifty() {
  const int32_t layers = problem_->layers(), reach = layers / (3 * problem_->options().stages);
  for (int32_t end = 0; end <= layers; ++end) {
    int32_t best = end;
    for (int32_t other = std::max(1, end - reach); other <= std::min(layers - 1, end + reach);
         ++other) {
      if (problem_->chain().layers[other - 1].boundary <
          problem_->chain().layers[std::max(best, 1) - 1].boundary) {
        best = other;
      }
    }
    known_->thrifty.push_back(best);
  }
}

void PipelineEnvironment::FindCandidates() {
  const auto [found, is_new] = known_->candidates.try_emplace(cuts_);
  if (is_new) {
    found->second = is_paper() ? PaperCandidates() : ShortestCandidates();
    const bool any_fits = std::any_of(found->second.begin(), found->second.end(),
                                      [](const Candidate& c) { return c.is_legal && c.fits; });
    for (Candidate& candidate : found->second)
      candidate.is_legal = candidate.is_legal && (candidate.fits || !any_fits);
  }
  candidates_ = found->second;
}

void PipelineEnvironment::LegalActions(absl::Span<uint8_t> mask) const {
  for (size_t a = 0; a < mask.size(); ++a) mask[a] = !done_ && candidates_[a].is_legal;
}

void PipelineEnvironment::Finish() {
  cuts_.layer_ends.push_back(problem_->layers());
  cuts_.device_ends.push_back(problem_->devices());
  done_ = true;
}

double PipelineEnvironment::Step(int action) {
  const Candidate& candidate = candidates_[action];
  const Range layers = {first_layer(), candidate.layer_end};
  const Range devices = {first_device(), candidate.device_end};
  if (!stages_.empty()) {
    stages_.back().send = stages_.back().send_back =
        problem_->Send(layers.begin, device_before(), devices.begin, devices.end);
  }
  stages_.push_back(problem_->StageOf(layers, devices));
  cuts_.layer_ends.push_back(layers.end);
  cuts_.device_ends.push_back(devices.end);
  if (stages_left() > 1) {
    FindCandidates();
    return 0;
  }
  Finish();
  const PipelineCost cost = CostOf(cuts_);
  const bool fits = cost.fits() || problem_->options().ignore_memory;
  if (is_paper()) return fits ? 1 / cost.length.value : kOutOfMemory;
  const Seconds least = problem_->LeastTime(problem_->layers(), problem_->devices()) *
                        problem_->options().micro_batches;
  return fits ? kGapScale * (least / cost.length - 1) : -kGapScale * std::min(4.0, cost.pressure);
}

// Where the `s`th of the `left` stages that share the devices from `device` on ends.
int32_t PipelineEnvironment::RestEnd(Rest rest, int32_t device, int32_t s, int32_t left) const {
  const int32_t large = std::clamp(s - rest.before, 0, rest.large);
  const int64_t shared = problem_->devices() - device - (left - rest.large);
  return device + (s - large) + static_cast<int32_t>(shared * large / rest.large);
}

// The cuts so far, one there, and the rest with work in proportion to its devices.
PipelineCuts PipelineEnvironment::CutsWith(int32_t layer_end, int32_t device_end, Rest rest) const {
  PipelineCuts cuts;
  cuts.layer_ends.reserve(problem_->options().stages);
  cuts.device_ends.reserve(problem_->options().stages);
  cuts = cuts_;
  cuts.layer_ends.push_back(layer_end);
  cuts.device_ends.push_back(device_end);
  const int32_t left = stages_left() - 1;
  if (rest.planned >= 0) {
    known_->rests[rest.planned].Append(left, layer_end, device_end, cuts);
    return cuts;
  }
  const double free_devices = problem_->devices() - device_end;
  for (int32_t s = 1; s <= left; ++s) {
    const int32_t end = RestEnd(rest, device_end, s, left);
    const int32_t most = problem_->layers() - (left - s);
    int32_t wanted = problem_->layers();
    if (s < left) {
      wanted = problem_->LayerAtWork(layer_end, (end - device_end) / free_devices);
      if (rest.thrifty) wanted = known_->thrifty[wanted];
      wanted = std::clamp(wanted, cuts.layer_ends.back() + 1, most);
    }
    cuts.layer_ends.push_back(wanted);
    cuts.device_ends.push_back(end);
  }
  return cuts;
}

PipelineCuts PipelineEnvironment::ProjectedCuts(int action) const {
  const Candidate& candidate = candidates_[action];
  return CutsWith(candidate.layer_end, candidate.device_end, candidate.rest);
}

int PipelineEnvironment::LegalCount() const {
  return static_cast<int>(
      std::count_if(candidates_.begin(), candidates_.end(),
                    [](const Candidate& candidate) { return candidate.is_legal; }));
}

int PipelineEnvironment::ShortestAction() const {
  int best = -1;
  for (int a = 0; a < static_cast<int>(candidates_.size()); ++a) {
    if (candidates_[a].is_legal && (best < 0 || Projection(a) < Projection(best))) best = a;
  }
  return best;
}

// The stages so far, the one that ends there, and the rest.
std::vector<PipelineStage> PipelineEnvironment::Projected(int32_t layer_end, int32_t device_end,
                                                          Rest rest) const {
  const PipelineCuts cuts = CutsWith(layer_end, device_end, rest);
  std::vector<PipelineStage> stages;
  stages.reserve(problem_->options().stages);
  stages = stages_;
  Range layers = {first_layer(), first_layer()}, devices = {first_device(), first_device()};
  int32_t before = device_before();
  for (size_t s = stages_.size(); s < cuts.layer_ends.size(); ++s) {
    layers = {layers.end, cuts.layer_ends[s]};
    devices = {devices.end, cuts.device_ends[s]};
    if (!stages.empty()) {
      stages.back().send = stages.back().send_back =
          problem_->Send(layers.begin, before, devices.begin, devices.end);
    }
    stages.push_back(problem_->TimesOf(layers, devices));
    stages.back().gradient_sync = problem_->GradientSync(layers, devices);
    before = devices.begin;
  }
  return stages;
}

std::unique_ptr<Environment> PipelineEnvironment::Clone() const {
  return std::make_unique<PipelineEnvironment>(*this);
}

}  // namespace automap
