// The decision process over a PipelineProblem: one cut at a time, from the first stage on.
#pragma once

#include <memory>
#include <vector>

#include "agent/core/environment.h"
#include "planner/explore/pipeline/cut_candidates.h"

namespace automap {

// An action is one of the CutCandidates: of the paper's, for each layer one, it is the layer.
//
// kInverse observes the paper's three numbers for each cut (all-reduce, largest transfer, balance
// if one cuts here now), in a row; kGap kCandidateFeatures numbers for each, all of them relative
// to the least time, so that one scorer serves all cuts, stages and models.
class PipelineEnvironment final : public Environment {
 public:
  static constexpr int kCandidateFeatures = 14;
  static constexpr int kCandidates = CutCandidates::kMost;

  // `problem` must outlive the environment and pass its Check().
  PipelineEnvironment(const PipelineProblem& problem, PipelineEnvironmentOptions options);

  int observation_size() const override;
  int num_actions() const override {
    return options_.is_paper() ? std::max(1, problem_->layers() - 1) : kCandidates;
  }
  int candidate_features() const override { return options_.is_paper() ? 0 : kCandidateFeatures; }
  void Reset() override;
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override;

  // The cuts so far; complete when done.
  const PipelineCuts& cuts() const { return prefix_.cuts(); }
  const PipelineProblem& problem() const { return *problem_; }
  bool is_paper() const { return options_.is_paper(); }
  // What whole cuts come to here: simulated, or in closed form.
  PipelineCost CostOf(const PipelineCuts& cuts) const { return finder_->CostOf(cuts); }
  // How many actions are legal; with kGap these are the first ones.
  int LegalCount() const;
  // The length if one takes the legal `action` now and the rest is shared out simply, and those
  // cuts.
  Seconds Projection(int action) const { return candidates_[action].projection; }
  PipelineCuts ProjectedCuts(int action) const {
    return finder_->CutsWith(prefix_, candidates_[action]);
  }
  // The legal action with the shortest projection, the first of equals; not when done.
  int ShortestAction() const;
  // After which layer the legal `action` cuts, and where on the line of devices.
  int32_t LayerEnd(int action) const { return candidates_[action].layer_end; }
  int32_t DeviceEnd(int action) const { return candidates_[action].device_end; }

 private:
  static constexpr int kPaperFeatures = 3;
  static constexpr double kGapScale = 5;  // of rewards

  std::vector<PipelineStage> Projected(const CutCandidate& candidate) const {
    return prefix_.StagesOf(finder_->CutsWith(prefix_, candidate));
  }
  bool IsExact(const CutCandidate& candidate) const;
  void ObserveCandidate(const CutCandidate& candidate, absl::Span<float> features) const;
  void ObservePaper(const CutCandidate& candidate, absl::Span<float> features) const;
  void Finish();

  const PipelineProblem* problem_;
  PipelineEnvironmentOptions options_;
  std::shared_ptr<CutCandidates> finder_;  // shared with copies, which are for the same thread
  PipelinePrefix prefix_;
  absl::Span<const CutCandidate> candidates_;  // the finder's, by action
  bool done_ = false;
};

}  // namespace automap
