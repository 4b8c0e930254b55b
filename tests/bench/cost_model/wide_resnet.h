// A data-parallel step of Wide-ResNet-50 in 32 bits (alpa-projects/alpa alpa/model/wide_resnet.py).
#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/cost_model/step_prediction.h"

namespace automap {

struct WideResNetStep {
  double image = 224;       // its height and width
  double filters = 64;      // of the first convolution
  double width_factor = 1;  // of the 3 x 3 convolutions in a block
  double classes = 1024;
  double batch = 32;  // images in a step
  int32_t data = 1;
  int32_t micro_batches = 1;
  int32_t zero = 0;                        // as in StepLayout
  Recompute recompute = Recompute::kNone;  // kFull: a block is computed again as a whole
  bool winograd = true;                    // whether the library takes that algorithm
  bool local_statistics = false;           // of batch norm: over a device's own images
};

// One stage. INVALID_ARGUMENT when the devices are too few or the batch does not divide.
absl::StatusOr<StepPrediction> Predict(const WideResNetStep& step, const Cluster& cluster);

// Parameters of the model. For tests.
double ParametersOf(const WideResNetStep& step);

}  // namespace automap
