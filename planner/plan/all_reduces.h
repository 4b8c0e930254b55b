// The all-reduces that follow from splits, summed.
#pragma once

#include "planner/plan/lowering.h"

namespace automap {

struct AllReduces {
  int64_t count = 0;  // one per partial result, times the trip counts around it
  double bytes = 0;   // of the whole results
};

// O(what is split).
AllReduces CountAllReduces(const Lowering& lowering, const Propagation& propagation);

}  // namespace automap
