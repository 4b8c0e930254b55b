// Who is told what a search finds on its way.
#pragma once

#include <functional>

#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"

namespace automap {

// Either may be empty.
struct PlanObserver {
  std::function<void(const v1::Progress&)> progress;
  // Better than all before, or the best of them with a better bound.
  std::function<void(const v1::Plan&)> improved_plan;
};

}  // namespace automap
