// The decision process over a PipelineProblem: one cut at a time, from the first stage on.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "agent/core/environment.h"
#include "planner/explore/pipeline/pipeline_problem.h"
#include "planner/explore/pipeline/rest_cuts.h"

namespace automap {

// A candidate is a cut: after a layer, at a place on the line of devices. Never offered are cuts
// that leave a stage or the rest without a variable, a layer or a device, and, unless nothing else
// is left, stages that do not fit in memory.
//
// kInverse, as in the paper: one candidate for each layer, whose place on the line follows from the
// compute before it (ProportionalDevices), masked when that is more than `radius` devices from the
// place of equal stages. An action is the layer.
//
// kGap: all layers, at all places on short lines, and near the proportional one and between servers
// on long ones, as a device more or less can decide whether a stage stays inside a server. Of these
// the best for each layer and for each place, and of those the kCandidates with the shortest
// projection: the length if one cuts there and shares the rest out simply (Rest). An action is one
// of them.
struct PipelineEnvironmentOptions {
  // kInverse: 1 / length at the end, -1 when a stage does not fit. kGap: 5 x (least
  // time / length - 1), where a stage does not fit -5 x pressure.
  enum class Reward { kInverse, kGap };
  Reward reward = Reward::kGap;
  int32_t radius = 3;  // devices; kInverse only
  // kGap: of the layers far from where the work divides as the devices do, only some are looked at.
  // For inference, which climbs from what it finds.
  bool is_thin = false;
  // kGap: the shortest projections are looked for among more ways to share out the rest, and a cut
  // that makes the smallest stage is always offered, whatever its projection.
  bool is_refined = false;
  // kGap, for many stages: near ones of the layers and places alone, shared out evenly.
  bool is_sparse = false;
  // kGap: the rest of a projection is shared out by dynamic programming as well (RestCuts), the
  // shortest projections are simulated, and so is the length at the end. For searches that have the
  // time.
  bool is_thorough = false;
};

// kInverse observes the paper's three numbers for each cut (all-reduce, largest transfer, balance
// if one cuts here now), in a row; kGap kCandidateFeatures numbers for each, all of them relative
// to the least time, so that one scorer serves all cuts, stages and models.
class PipelineEnvironment final : public Environment {
 public:
  static constexpr int kCandidateFeatures = 14;
  static constexpr int kCandidates = 48;

  // `problem` must outlive the environment and pass its Check().
  PipelineEnvironment(const PipelineProblem& problem, PipelineEnvironmentOptions options);

  int observation_size() const override;
  int num_actions() const override {
    return is_paper() ? std::max(1, problem_->layers() - 1) : kCandidates;
  }
  int candidate_features() const override;
  void Reset() override;
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override;

  // The cuts so far; complete when done.
  const PipelineCuts& cuts() const { return cuts_; }
  const PipelineProblem& problem() const { return *problem_; }
  // What whole cuts come to here: simulated, or in closed form.
  PipelineCost CostOf(const PipelineCuts& cuts) const;
  // How many actions are legal; with kGap these are the first ones.
  int LegalCount() const;
  // The length if one takes the legal `action` now and the rest is shared out simply, and those
  // cuts.
  Seconds Projection(int action) const { return candidates_[action].projection; }
  PipelineCuts ProjectedCuts(int action) const;
  // The legal action with the shortest projection, the first of equals; not when done.
  int ShortestAction() const;
  // After which layer the legal `action` cuts, and where on the line of devices.
  int32_t LayerEnd(int action) const { return candidates_[action].layer_end; }
  int32_t DeviceEnd(int action) const { return candidates_[action].device_end; }

 private:
  using Range = PipelineProblem::Range;
  // How the devices behind a cut are shared by the stages behind it: one for each of the first
  // `before`, one for each after the next `large`, and those share the others evenly. Layers are
  // shared like devices; `thrifty`: but cut where little crosses nearby.
  struct Rest {
    int32_t before = 0, large = 1;
    bool thrifty = false;
    int32_t planned = -1;  // by which of known_->rests instead
  };
  struct Candidate {
    int32_t layer_end = 0, device_end = 0;
    Seconds projection;
    Rest rest;  // of the projection
    bool fits = false;
    bool is_legal = false;
  };

  static constexpr int kPaperFeatures = 3;
  static constexpr double kGapScale = 5;  // of rewards

  class Shortlist;
  static bool IsShorter(const Candidate& a, const Candidate& b);

  bool is_paper() const { return options_.reward == PipelineEnvironmentOptions::Reward::kInverse; }
  int32_t first_layer() const { return cuts_.layer_ends.empty() ? 0 : cuts_.layer_ends.back(); }
  int32_t first_device() const { return cuts_.device_ends.empty() ? 0 : cuts_.device_ends.back(); }
  int32_t device_before() const {
    return cuts_.device_ends.size() > 1 ? cuts_.device_ends.end()[-2] : 0;
  }
  int32_t stages_left() const {
    return problem_->options().stages - static_cast<int32_t>(cuts_.layer_ends.size());
  }
  bool MayCutAfter(int32_t layer_end) const;
  Candidate MakeCandidate(int32_t layer_end, int32_t device_end) const;
  void Project(Rest rest, Candidate& candidate) const;
  void Refine(size_t count, std::vector<Candidate>& candidates) const;
  Seconds LeastLength(int32_t layer_end, int32_t device_end) const;
  int32_t LastPlace() const { return problem_->devices() - (stages_left() - 1); }
  int32_t PlaceFor(int32_t layer_end) const;
  std::vector<Candidate> PaperCandidates() const;
  std::vector<Candidate> ShortestCandidates() const;
  void FindThrifty();
  void PlanRests();
  void Simulate(std::vector<Candidate>& candidates) const;
  void FindCandidates();
  void Finish();
  int32_t RestEnd(Rest rest, int32_t device, int32_t s, int32_t left) const;
  // Stages behind the one that is cut now.
  int32_t StagesBehind() const { return stages_left() - 1; }
  PipelineCuts CutsWith(int32_t layer_end, int32_t device_end, Rest rest) const;
  std::vector<PipelineStage> Projected(int32_t layer_end, int32_t device_end, Rest rest) const;
  bool IsExact(const Candidate& candidate) const;
  void ObserveCandidate(const Candidate& candidate, absl::Span<float> features) const;
  void ObservePaper(const Candidate& candidate, absl::Span<float> features) const;

  const PipelineProblem* problem_;
  PipelineEnvironmentOptions options_;
  PipelineCuts cuts_;
  std::vector<PipelineStage> stages_;  // so far; the last one's transfer is open
  std::vector<Candidate> candidates_;  // by action
  // Candidates by the cuts before; shared with copies, which are for the same thread.
  struct Known {
    std::map<PipelineCuts, std::vector<Candidate>> candidates;
    std::vector<int32_t> thrifty;  // by layer end: where the fewest bytes cross nearby
    std::vector<RestCuts> rests;
  };
  std::shared_ptr<Known> known_ = std::make_shared<Known>();
  bool done_ = false;
};

}  // namespace automap
