// The next cuts that are worth a look, each with a projection of what it leads to.
#pragma once

#include <map>
#include <vector>

#include "planner/explore/pipeline/rest_shares.h"

namespace automap {

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

  bool is_paper() const { return reward == Reward::kInverse; }
};

// A cut after a layer, at a place on the line of devices.
struct CutCandidate {
  int32_t layer_end = 0, device_end = 0;
  Seconds projection;  // the length if one cuts there and shares the rest out simply
  RestShare share;     // of the projection
  bool fits = false;   // the stage that ends there
  bool is_legal = false;
};

// Never legal are cuts that leave a stage or the rest without a variable, a layer or a device, and,
// unless nothing else is left, stages that do not fit in memory.
//
// kInverse, as in the paper: one candidate for each layer, whose place on the line follows from the
// compute before it (ProportionalDevices), masked when that is more than `radius` devices from the
// place of equal stages.
//
// kGap: all layers, at all places on short lines, and near the proportional one and between servers
// on long ones, as a device more or less can decide whether a stage stays inside a server. Of these
// the best for each layer and for each place, and of those the kMost with the shortest projection.
class CutCandidates {
 public:
  static constexpr int kMost = 48;

  // `problem` must outlive this.
  CutCandidates(const PipelineProblem& problem, PipelineEnvironmentOptions options);

  // One for each layer but the last (kInverse), or kMost, the legal ones first and by projection.
  // Remembered. For one thread.
  const std::vector<CutCandidate>& Of(const PipelinePrefix& prefix);

  // The projected cuts.
  PipelineCuts CutsWith(const PipelinePrefix& prefix, const CutCandidate& candidate) const {
    return shares_.CutsWith(prefix, candidate.layer_end, candidate.device_end, candidate.share);
  }
  // What whole cuts come to here: simulated, or in closed form.
  PipelineCost CostOf(const PipelineCuts& cuts) const;

 private:
  class Shortlist;
  static bool IsShorter(const CutCandidate& a, const CutCandidate& b);

  CutCandidate Make(const PipelinePrefix& prefix, int32_t layer_end, int32_t device_end,
                    Seconds limit) const;
  void Project(const PipelinePrefix& prefix, RestShare share, Seconds limit,
               CutCandidate& candidate) const;
  void Refine(const PipelinePrefix& prefix, std::vector<CutCandidate>& candidates) const;
  void Simulate(const PipelinePrefix& prefix, std::vector<CutCandidate>& candidates) const;
  Seconds LeastLength(const PipelinePrefix& prefix, int32_t layer_end, int32_t device_end) const;
  int32_t PlaceFor(const PipelinePrefix& prefix, int32_t layer_end) const;
  std::vector<CutCandidate> OfPaper(const PipelinePrefix& prefix) const;
  std::vector<CutCandidate> Shortest(const PipelinePrefix& prefix) const;
  void Consider(const PipelinePrefix& prefix, int32_t layer_end, int32_t device_end,
                Shortlist& shortlist) const;

  const PipelineProblem& problem_;
  const PipelineEnvironmentOptions options_;
  const RestShares shares_;
  std::map<PipelineCuts, std::vector<CutCandidate>> known_;  // by the cuts before
  mutable std::vector<PipelineStage> stages_;                // of the projection at hand
};

}  // namespace automap
