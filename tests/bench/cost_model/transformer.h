// A transformer's training step, described as papers do, turned into the programs and the pipeline
// that the simulator prices.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/cost_model/step_prediction.h"

namespace automap {

// How element-wise operations are merged.
enum class Fusion { kByHand, kXla, kLibrary, kNone };

struct TransformerStep {
  // Model. With experts every second layer, from the first on, is a GShard layer with top-2 gating
  // in groups of `expert_group` tokens; its experts are split over the data axis.
  double hidden = 0, heads = 0, layers = 0, vocab = 0, sequence = 0;
  double widening = 4;  // inner over hidden features of the feed-forward part
  double experts = 0, expert_group = 0;
  double predicted = 0;  // tokens of a sequence with a loss; 0: all
  NumberType type = NumberType::kF16;
  // Parallelism.
  int32_t tensor = 1, data = 1, pipeline = 1, interleave = 1;
  double batch = 1;  // sequences in a step
  int32_t micro_batch = 1;
  Recompute recompute = Recompute::kNone;
  bool sequence_parallel = false;  // all-gather and reduce-scatter instead of all-reduce
  // Software.
  Fusion fusion = Fusion::kByHand;
  // Read and written for each parameter by the optimizer: one kernel over 16-bit weight and
  // gradient and three 32-bit tensors.
  double update_bytes = 30;
  double gradient_bytes = 0;      // as in StepLayout; 0: of the model's type
  double accumulation_bytes = 0;  // as in StepLayout
  double gradient_sweeps = 0;     // as in StepLayout
  bool fused_attention = false;   // the scores are not stored
  // Collectives of tensor parallelism run behind products: in the backward pass those that no
  // product waits for (behind the gradient of weights, or of inputs), or all, piece by piece.
  bool overlap_tensor = false, overlap_all = false;
  bool overlap_data = false;   // gradients are reduced behind the last micro-batch's backward
  bool scatter_gather = true;  // between stages, see StepLayout
  int32_t zero = 0;            // 2: state split over the replicas; 3: parameters, too

  double element() const { return BytesOf(type); }
  int32_t micro_batches() const { return static_cast<int32_t>(batch / (data * micro_batch)); }
  // Parameters of one dense layer, and of embedding and position table.
  double layer_parameters() const {
    return (4 + 2 * widening) * hidden * hidden + (9 + widening) * hidden;
  }
  double embedding_parameters() const { return (vocab + sequence) * hidden; }
};

// One dense layer, and one with experts.
ModelPart DenseLayer(const TransformerStep& step);
ModelPart ExpertLayer(const TransformerStep& step);

// INVALID_ARGUMENT when the devices are too few or the numbers do not divide.
absl::StatusOr<StepPrediction> Predict(const TransformerStep& step, const Cluster& cluster);

}  // namespace automap
