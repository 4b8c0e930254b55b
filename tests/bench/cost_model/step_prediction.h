// A training step from its model's parts and how they are laid over a cluster: the pipeline that
// the simulator plays, its time and its memory.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "simulator/cluster/cluster.h"
#include "simulator/doubt.h"
#include "tests/bench/cost_model/model_part.h"

namespace automap {

// Devices are numbered tensor innermost, then data, then pipeline.
struct StepLayout {
  NumberType type = NumberType::kF16;
  int32_t tensor = 1, data = 1, pipeline = 1, interleave = 1;
  int32_t micro_batches = 1;
  int32_t zero = 0;            // 2: state split over the replicas; 3: parameters, too
  bool overlap_data = false;   // gradients are reduced while the last micro-batch's backward runs
  bool scatter_gather = true;  // a tensor group sends each activation once, not once a device
  double state_bytes = 12;     // of a parameter, beside weight and gradient
  double update_bytes = 30;    // read and written for each parameter by the optimizer
  double gradient_bytes = 2;   // of a parameter's gradient where replicas exchange it
  // Read and written for each parameter when a micro-batch's gradient is added to those before; 0:
  // three accesses of the type.
  double accumulation_bytes = 0;
  double gradient_sweeps = 0;  // times it is read or written for that: buckets filled, means taken
  Bytes boundary;              // what one replica hands from stage to stage for a micro-batch
};

struct StepPrediction {
  Seconds time;
  TimeParts parts;  // sum to `time`
  Bytes peak;       // of the stage that needs most
  bool fits = true;
};

// `stages`: the parts of each stage, pipeline x interleave of them. INVALID_ARGUMENT when the
// devices are too few.
absl::StatusOr<StepPrediction> PredictStep(const std::vector<std::vector<ModelPart>>& stages,
                                           const StepLayout& layout, const Cluster& cluster);

}  // namespace automap
