// What a plan's step spends its time and memory on, for tables and pictures.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"
#include "simulator/timeline/timeline.h"

namespace automap {

// A share of the step time. Shares of one list add up to it.
struct TimeShare {
  std::string name;
  Seconds time;
  int64_t count = 0;  // kernels or collectives, repeats included
};

struct PlanSimulation {
  v1::Plan plan;                  // made anew, but for how it was found
  v1::Plan::Cost cost;            // of that
  std::vector<TimeShare> kinds;   // matrix products, ..., collectives by kind and axis; of a
                                  // pipeline what its stages do, on average
  std::vector<TimeShare> layers;  // by layer name, largest first; of a pipeline each stage's part
                                  // of that average, and the waiting
  Timeline
      timeline;  // one row for each device, at most 64; of a pipeline up to three for each stage
};

// Simulates a plan. FAILED_PRECONDITION when it is for another module or its splits or stages do
// not go together, INVALID_ARGUMENT when module, cluster or plan are no such things.
absl::StatusOr<PlanSimulation> SimulateModulePlan(absl::string_view module,
                                                  const v1::Cluster& cluster, const v1::Plan& plan);

// The timeline as a trace for Perfetto, and as a picture.
enum class PictureFormat { kChromeTrace, kSvg };
std::string DrawTimeline(const Timeline& timeline, PictureFormat format);

}  // namespace automap
