// A transformer's training step, described as papers do, turned into the programs and the pipeline
// that the simulator prices.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "simulator/evaluate.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

enum class Recompute { kNone, kSelective, kFull };

struct TransformerStep {
  // Model.
  double hidden = 0, heads = 0, layers = 0, vocab = 0, sequence = 0;
  NumberType type = NumberType::kF16;
  // Parallelism: devices are numbered tensor innermost, then data, then pipeline.
  int32_t tensor = 1, data = 1, pipeline = 1, interleave = 1;
  double batch = 1;  // sequences in a step
  int32_t micro_batch = 1;
  Recompute recompute = Recompute::kNone;
  bool sequence_parallel = false;  // all-gather and reduce-scatter instead of all-reduce
  bool fused_attention = false;    // the scores are not stored
  bool overlap_tensor = false;     // backward: behind the product for the weights' gradient
  bool overlap_data = false;       // gradients are reduced behind the last micro-batch's backward
  int32_t zero = 0;                // 2: state split over the replicas; 3: parameters, too

  // Bytes of an activation, and of a parameter with gradient and optimizer state.
  double element() const { return type == NumberType::kF32 ? 4 : 2; }
  int32_t micro_batches() const { return static_cast<int32_t>(batch / (data * micro_batch)); }
  // Parameters of one layer, and of embedding and position table.
  double layer_parameters() const { return 12 * hidden * hidden + 13 * hidden; }
  double embedding_parameters() const { return (vocab + sequence) * hidden; }
};

// Programs of one layer on one device, for one micro-batch; axis 0 is data, axis 1 tensor.
struct LayerPrograms {
  Program forward, backward;  // backward with what it computes again
  Bytes saved;                // from forward to backward
  Bytes workspace;            // saved of the layer that is computed again
};
LayerPrograms ProgramsOfLayer(const TransformerStep& step);

struct StepPrediction {
  Seconds time;
  Bytes peak;  // of the stage that needs most
  bool fits = true;
};

// INVALID_ARGUMENT when the devices are too few or the numbers do not divide.
absl::StatusOr<StepPrediction> Predict(const TransformerStep& step, const Cluster& cluster);

}  // namespace automap
