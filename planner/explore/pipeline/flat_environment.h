// The decision process over a PipelineProblem as the paper's flat network sees it (section 6).
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "agent/core/environment.h"
#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// A chain is seen at kPoints points, evenly many layers apart; of points at the same layer, in
// chains of fewer layers, the first one counts. A stage is two decisions, where it ends in the
// chain, then on the line of devices; actions are the points, then the devices. All numbers are in
// [0, 1], in this order:
//
//   3 x kPoints   C', A', W' at each point: seconds of compute before it on one device, of what
//                 crosses it over the slowest link, of the gradients before it over that link;
//                 all over one common maximum
//   kMostServers^2   bandwidth between two servers, and inside one, over the largest of them
//   kMostServers  a server's share of the most devices
//   kPoints       the partial partition: at each cut the devices before it, over all of them
//   kNumbers      stages, stages cut, devices taken, micro-batches, whether the cut is made and
//                 its devices are not
//
// The reward of a whole partition is 1 / length, in the chain's least time; -1 when a stage does
// not fit in memory.
class FlatPipelineEnvironment final : public Environment {
 public:
  static constexpr int kPoints = 128, kMostDevices = 64, kMostServers = 8, kMostStages = 8;
  static constexpr int kNumbers = 5;
  static constexpr int kObservation =
      4 * kPoints + kMostServers * kMostServers + kMostServers + kNumbers;

  // Whether the shape holds the problem: stages, devices and servers, and that the points part
  // enough variables. FAILED_PRECONDITION in words for the user.
  static absl::Status Check(const PipelineProblem& problem);

  // `problem` must outlive the environment and pass Check().
  explicit FlatPipelineEnvironment(const PipelineProblem& problem);

  int observation_size() const override { return kObservation; }
  int num_actions() const override { return kPoints + kMostDevices; }
  void Reset() override;
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override;

  // The cuts so far; complete when done.
  const PipelineCuts& cuts() const { return cuts_; }

 private:
  // What does not change: shared with copies.
  struct Chain {
    std::vector<int32_t> layer_at;     // by number of points before it, 0 to kPoints
    std::vector<int32_t> most_stages;  // behind it, when only points are cut
    std::vector<float> seen;           // the observation's first part
  };
  static Chain PointsOf(const PipelineProblem& problem);
  static void PutChain(const PipelineProblem& problem, Chain& chain);
  static void PutCluster(const PipelineProblem& problem, Chain& chain);

  bool is_placing() const { return cuts_.layer_ends.size() > cuts_.device_ends.size(); }
  int32_t first_layer() const { return cuts_.layer_ends.empty() ? 0 : cuts_.layer_ends.back(); }
  int32_t first_device() const { return cuts_.device_ends.empty() ? 0 : cuts_.device_ends.back(); }
  // Stages whose devices are not decided.
  int32_t stages_left() const {
    return problem_->options().stages - static_cast<int32_t>(cuts_.device_ends.size());
  }
  bool MayCutAt(int action) const;
  double Finish();

  const PipelineProblem* problem_;
  std::shared_ptr<const Chain> chain_;
  PipelineCuts cuts_;
  std::vector<int> points_;  // of the cuts
  bool done_ = false;
};

}  // namespace automap
