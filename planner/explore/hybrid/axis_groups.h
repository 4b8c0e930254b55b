// What a model axis of a given size can split together.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "planner/explore/pipeline/step_costs.h"
#include "planner/propagation/linkage_groups.h"

namespace automap {

// The linkage groups of the variables on the axis, after the batch has been cut. Structures are not
// numbered.
struct AxisGroups {
  LinkageGroups all;
  bool is_additive = true;  // no two of them touch one operation
};

// Groups of one module, found once for all numbers of micro-batches that leave the same to split.
// Not thread-safe.
class KnownAxisGroups {
 public:
  // `costs` must outlive this. The first time one propagation for each group.
  std::shared_ptr<const AxisGroups> Of(const StepCosts& costs, int32_t size,
                                       const Semantics& semantics);

 private:
  struct Known {
    const PriorSplits* batch;
    int32_t size;
    Semantics semantics;
    std::shared_ptr<const AxisGroups> groups;
  };
  std::vector<Known> known_;
};

}  // namespace automap
