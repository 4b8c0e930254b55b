// The first stages of a pipeline that is being cut, from the first layer and device on.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

class PipelinePrefix {
 public:
  // No stage yet. `problem` must outlive this.
  explicit PipelinePrefix(const PipelineProblem& problem) : problem_(&problem) {}

  const PipelineCuts& cuts() const { return cuts_; }
  // In the same order; the last one's transfer is open.
  const std::vector<PipelineStage>& stages() const { return stages_; }
  // Of one micro-batch through all of them and back.
  Seconds way() const { return way_; }

  // Behind what is cut off.
  int32_t first_layer() const { return cuts_.layer_ends.empty() ? 0 : cuts_.layer_ends.back(); }
  int32_t first_device() const { return cuts_.device_ends.empty() ? 0 : cuts_.device_ends.back(); }
  int32_t stages_left() const {
    return problem_->options().stages - static_cast<int32_t>(cuts_.layer_ends.size());
  }
  // Stages behind the one that is cut next.
  int32_t stages_behind() const { return stages_left() - 1; }
  // The last place of the next cut that leaves each stage behind it a device.
  int32_t last_place() const { return problem_->devices() - stages_behind(); }

  // Whether the next cut may be there by structure alone: each stage has a variable.
  bool MayCutAfter(int32_t layer_end) const;

  // The stages if the cuts go on like that, into `stages`; `whole` begins with cuts(). Whether all
  // micro-batches in one stage, the way to it and back and the all-reduces by then take no longer
  // than `limit`: PipelineLength is never less. Else only some of them are priced.
  bool PriceWithin(const PipelineCuts& whole, Seconds limit,
                   std::vector<PipelineStage>& stages) const;
  // All of them.
  std::vector<PipelineStage> StagesOf(const PipelineCuts& whole) const;

  void Append(int32_t layer_end, int32_t device_end);
  // The last stage: all that is left.
  void Finish();

 private:
  using Range = PipelineProblem::Range;
  // The first device of the last stage.
  int32_t device_before() const {
    return cuts_.device_ends.size() > 1 ? cuts_.device_ends.end()[-2] : 0;
  }

  const PipelineProblem* problem_;
  PipelineCuts cuts_;
  std::vector<PipelineStage> stages_;
  Seconds way_;
  Seconds home_;  // a gradient's way from the last stage to the end
  Seconds tail_;  // how long the all-reduces before the last stage outlast its backwards' way home
};

}  // namespace automap
