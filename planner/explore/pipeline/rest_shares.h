// Ways to share out the layers and devices behind a cut by the stages behind it.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/explore/pipeline/pipeline_prefix.h"
#include "planner/explore/pipeline/rest_cuts.h"

namespace automap {

// One device for each of the first `before` stages, one for each after the next `large`, and those
// share the others evenly. Layers are shared like devices.
struct RestShare {
  int32_t before = 0, large = 1;
  bool thrifty = false;  // but cut where little crosses nearby
  int32_t planned = -1;  // by which of the planned ways instead
};

class RestShares {
 public:
  // `problem` must outlive this. With `has_thrifty` shares may be thrifty, O(layers^2 / stages);
  // with `has_planned` there are planned ones, where RestCuts are worth their time.
  RestShares(const PipelineProblem& problem, bool has_thrifty, bool has_planned);

  int32_t planned() const { return static_cast<int32_t>(planned_.size()); }
  // Whether the planned way has one for that many stages from there on.
  bool HasPlanned(int32_t way, int32_t stages, int32_t layer, int32_t device) const {
    return planned_[way].Has(stages, layer, device);
  }

  // The stages so far, one that ends there, and the rest with work in proportion to its devices.
  PipelineCuts CutsWith(const PipelinePrefix& prefix, int32_t layer_end, int32_t device_end,
                        RestShare share) const;

 private:
  void FindThrifty();
  void Plan();
  int32_t PlaceOf(RestShare share, int32_t device, int32_t s, int32_t left) const;

  const PipelineProblem& problem_;
  std::vector<int32_t> thrifty_;  // by layer end: where the fewest bytes cross nearby
  std::vector<RestCuts> planned_;
};

}  // namespace automap
