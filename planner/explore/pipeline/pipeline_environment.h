// The decision process over a PipelineProblem: one cut at a time, from the first stage on.
#pragma once

#include <memory>
#include <vector>

#include "agent/core/environment.h"
#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// An action is the layer after which the next cut is made. Its place on the line of devices follows
// from the compute before it (ProportionalDevices); kGap takes the place within `radius` of that
// with the shortest projection, as a device more or less can decide whether a stage stays inside a
// server. Masked are cuts that leave a stage or the rest without a variable, a layer or a device;
// cuts whose place on the line is more than `radius` from that of equal stages; and, unless nothing
// else is left, stages that do not fit in memory.
struct PipelineEnvironmentOptions {
  // kInverse, the paper's: 1 / length at the end, -1 when a stage does not fit. kGap: 5 x (least
  // time / length - 1), where a stage does not fit -5 x pressure.
  enum class Reward { kInverse, kGap };
  Reward reward = Reward::kGap;
  int32_t radius = 3;  // devices
};

// kInverse observes the paper's three numbers for each cut (all-reduce, largest transfer, balance
// if one cuts here now), in a row; kGap kCandidateFeatures numbers for each, all of them relative
// to the least time, so that one scorer serves all cuts, stages and models.
class PipelineEnvironment final : public Environment {
 public:
  static constexpr int kCandidateFeatures = 14;

  // `problem` must outlive the environment and pass its Check().
  PipelineEnvironment(const PipelineProblem& problem, PipelineEnvironmentOptions options);

  int observation_size() const override;
  int num_actions() const override { return std::max(1, problem_->layers() - 1); }
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
  // The length if one cuts after the legal `action` now and the rest is shared out evenly.
  Seconds Projection(int action) const { return projection_[action]; }
  // Where the cut after the legal `action` falls on the line of devices.
  int32_t DeviceOf(int action) const { return device_[action]; }

 private:
  using Range = PipelineProblem::Range;
  bool IsLegal(int action) const;
  void PlaceAction(int action);
  void FindLegal();
  void Finish();
  Range NextLayers(int action) const {
    return {cuts_.layer_ends.empty() ? 0 : cuts_.layer_ends.back(), action + 1};
  }
  int32_t first_device() const { return cuts_.device_ends.empty() ? 0 : cuts_.device_ends.back(); }
  int32_t stage_before() const {
    return cuts_.device_ends.size() > 1 ? cuts_.device_ends.end()[-2] : 0;
  }
  std::vector<PipelineStage> Projected(int action, int32_t device) const;
  void ObserveCandidate(int action, absl::Span<float> features) const;
  void ObservePaper(int action, absl::Span<float> features) const;
  int32_t stages_left() const {
    return problem_->options().stages - static_cast<int32_t>(cuts_.layer_ends.size());
  }

  const PipelineProblem* problem_;
  PipelineEnvironmentOptions options_;
  PipelineCuts cuts_;
  std::vector<PipelineStage> stages_;  // so far; the last one's transfer is open
  std::vector<uint8_t> legal_;
  std::vector<int32_t> device_;      // by action that may be legal
  std::vector<Seconds> projection_;  // likewise
  std::vector<uint8_t> fits_;        // likewise
  bool done_ = false;
};

}  // namespace automap
