#include "tests/bench/cost_model/transformer.h"

#include <algorithm>
#include <cmath>

#include "base/status_macros.h"

namespace automap {
namespace {

// Element-wise traffic of a layer's forward pass, in elements read and written for each token and
// feature (`whole` where tensor parallelism splits nothing, `split` where it does), for each inner
// feature of the feed-forward part and for each attention score; backward 1.5 times as much.
//
//   by hand        the counts that the 22B layer of Korthikanti Table 4 (no recomputation) was
//                  fitted with
//   XLA            whole 2 x (bias and residual read 2, sum 1; layer norm: mean, variance and
//                  result read 1 each, 1 written, of which the mean shares the sum's kernel): 12;
//                  split biases 6, transposes for the batched products 8; inner bias and
//                  activation 2; scores: maximum, sum and quotient read 1 each, 1 written
//   op by op       whole 2 x (bias 2, dropout of five operations 10, residual 3, layer norm 8);
//                  split biases 6, transposes 8; inner bias 2, erf-GeLU 11; scores scale 2, mask 2,
//                  softmax 3, dropout 10
//   library        a kernel each for layer norm, softmax, dropout (with its mask in bytes), and for
//                  bias with GeLU: whole 2 x (bias 2, dropout 2.5, residual 3, layer norm 2); split
//                  biases 6, transposes 8; inner GeLU 2; scores scale 2, mask 2, softmax 2, dropout
//                  2.5
struct ElementwiseTraffic {
  double whole, split, inner, scores;
  int launches, score_launches;
};
constexpr ElementwiseTraffic kByHand = {11, 6, 2, 4.5, 8, 2}, kXla = {12, 14, 2, 4, 13, 3},
                             kOpByOp = {46, 14, 13, 17, 45, 8}, kLibrary = {19, 14, 2, 8.5, 16, 4};

const ElementwiseTraffic& TrafficOf(Fusion fusion) {
  if (fusion == Fusion::kNone) return kOpByOp;
  if (fusion == Fusion::kLibrary) return kLibrary;
  return fusion == Fusion::kXla ? kXla : kByHand;
}

class LayerWriter {
 public:
  explicit LayerWriter(const TransformerStep& step)
      : step_(step), traffic_(TrafficOf(step.fusion)) {
    const double tokens = step.sequence * step.micro_batch, h = step.hidden, t = step.tensor;
    const double groups = step.micro_batch * step.heads / t, head = h / step.heads;
    const double inner = step.widening * h;
    qkv_ = {tokens, 3 * h / t, h};
    scores_ = {step.sequence, step.sequence, head, groups};
    context_ = {step.sequence, head, step.sequence, groups};
    projection_ = {tokens, h, h / t};
    up_ = {tokens, inner / t, h};
    down_ = {tokens, h, inner / t};
    activation_ = step.element() * tokens * h;
  }

  Program Forward(bool has_experts) const {
    Program program;
    Column(program, qkv_);
    Attention(program);
    Row(program, projection_);
    if (has_experts) {
      for (const Gemm& gemm : ExpertGemms()) AddGemm(program, step_.type, gemm);
      Route(program, 1);
    } else {
      Column(program, up_);
      Row(program, down_);
    }
    Sweeps(program, 1, has_experts);
    if (step_.zero == 3) Exchange(program, CollectiveKind::kAllGather);
    return program;
  }

  // Each product has two gradients.
  Program Backward(bool has_experts) const {
    Program program;
    if (step_.recompute == Recompute::kFull) program = Forward(has_experts);
    if (step_.recompute == Recompute::kSelective) Attention(program);
    if (has_experts) {
      ExpertGradients(program);
      Route(program, 1.5);
    } else {
      RowGradients(program, down_);
      ColumnGradients(program, up_);
    }
    RowGradients(program, projection_);
    for (const Gemm& gemm : {context_, scores_}) AddGemmGradients(program, step_.type, gemm);
    ColumnGradients(program, qkv_);
    Sweeps(program, 1.5, has_experts);
    if (!step_.fused_attention) ScoreSweeps(program, 1.5);
    if (step_.zero == 3) {
      Exchange(program, CollectiveKind::kAllGather);
      Exchange(program, CollectiveKind::kReduceScatter);
    }
    return program;
  }

 private:
  void Attention(Program& program) const {
    AddGemm(program, step_.type, scores_);
    AddGemm(program, step_.type, context_);
    if (!step_.fused_attention) ScoreSweeps(program, 1);
  }

  // Tensor parallelism: the columns of the first weight of a block are split and the rows of the
  // second, whose results are summed up. With sequence parallelism what lies between blocks is
  // split as well: it is gathered before the first product and scattered while it is summed up, and
  // the other way round on the way back, where the first product's input is gathered once more
  // (arXiv 2205.05198 section 4.2.2).
  void Column(Program& program, const Gemm& gemm) const {
    if (step_.sequence_parallel) Collect(program, CollectiveKind::kAllGather, step_.overlap_all);
    AddGemm(program, step_.type, gemm);
  }
  void Row(Program& program, const Gemm& gemm) const {
    Sum(program, step_.overlap_all);
    AddGemm(program, step_.type, gemm);
  }
  void RowGradients(Program& program, const Gemm& gemm) const {
    if (step_.sequence_parallel) Collect(program, CollectiveKind::kAllGather, step_.overlap_all);
    AddGemmGradients(program, step_.type, gemm);
  }
  void ColumnGradients(Program& program, const Gemm& gemm) const {
    if (step_.sequence_parallel) Collect(program, CollectiveKind::kAllGather, step_.overlap_tensor);
    AddGemm(program, step_.type, {gemm.rows, gemm.depth, gemm.columns, gemm.batch});
    Sum(program, step_.overlap_tensor);
    AddGemm(program, step_.type, {gemm.depth, gemm.columns, gemm.rows, gemm.batch});
  }

  void ScoreSweeps(Program& program, double times) const {
    AddSweep(
        program,
        times * traffic_.scores * step_.element() * step_.sequence * step_.sequence * scores_.batch,
        traffic_.score_launches);
  }

  // With experts a token has two inner features each, and is laid out anew for them and back.
  void Sweeps(Program& program, double times, bool has_experts) const {
    const double whole =
        traffic_.whole * activation_ / (step_.sequence_parallel ? step_.tensor : 1);
    const double inner = traffic_.inner * step_.widening * (has_experts ? 2 : 1);
    const double routed = has_experts ? 8 : 0;
    const double split = (traffic_.split + inner + routed) * activation_ / step_.tensor;
    AddSweep(program, times * (whole + split), traffic_.launches);
  }

  void Sum(Program& program, bool overlaps) const {
    Collect(program,
            step_.sequence_parallel ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce,
            overlaps);
  }

  // Behind the product that follows, if it overlaps.
  void Collect(Program& program, CollectiveKind kind, bool overlaps) const {
    if (step_.tensor > 1) AddCollective(program, kind, kTensorAxis, activation_, overlaps ? 1 : 0);
  }

  // GShard: each token goes to two experts, so every expert gets 2/E of a group's tokens. Dispatch
  // and combination are products with a mask over (token, expert, place).
  static constexpr size_t kDispatch = 1;
  std::vector<Gemm> ExpertGemms() const {
    const double tokens = step_.sequence * step_.micro_batch, h = step_.hidden;
    const double groups = tokens / step_.expert_group, places = 2 * step_.expert_group;
    const double inner = step_.widening * h, mine = step_.experts / step_.data;
    const double rows = 2 * tokens * step_.data / step_.experts;  // of an expert
    return {{tokens, step_.experts, h},
            {places, h, step_.expert_group, groups},
            {rows, inner / step_.tensor, h, mine},
            {rows, h, inner / step_.tensor, mine},
            {step_.expert_group, h, places, groups}};
  }

  // The mask that dispatches is cast to booleans and has no gradient.
  void ExpertGradients(Program& program) const {
    const std::vector<Gemm> gemms = ExpertGemms();
    for (size_t i = 0; i < gemms.size(); ++i) {
      const Gemm& gemm = gemms[i];
      if (i == kDispatch) {
        AddGemm(program, step_.type, {gemm.depth, gemm.columns, gemm.rows, gemm.batch});
      } else {
        AddGemmGradients(program, step_.type, gemm);
      }
    }
  }

  // Element by element the mask's two halves are written, added, cast to booleans, cast back and
  // laid out anew: 20 bytes. A token's place in its two experts is a running sum over its group, as
  // a scan of three kernels for each halving (alpa/model/moe.py). What is dispatched crosses the
  // data axis and comes back.
  void Route(Program& program, double times) const {
    const double tokens = step_.sequence * step_.micro_batch;
    const bool is_forward = times == 1;
    const int scans = is_forward ? 2 * 3 * static_cast<int>(std::log2(step_.expert_group)) : 0;
    AddSweep(program, times * 20 * tokens * 2 * step_.expert_group, 6 + scans);
    if (step_.data == 1) return;
    for (int i = 0; i < 2; ++i)
      AddCollective(program, CollectiveKind::kAllToAll, kDataAxis, 2 * activation_ * step_.data);
  }

  // ZeRO-3: each weight by itself, before the rest.
  void Exchange(Program& program, CollectiveKind kind) const {
    Program first;
    for (const Gemm& gemm : {qkv_, projection_, up_, down_})
      AddCollective(first, kind, kDataAxis, step_.element() * gemm.columns * gemm.depth,
                    step_.overlap_data ? 1000 : 0);
    program.steps.insert(program.steps.begin(), first.steps.begin(), first.steps.end());
  }

  const TransformerStep& step_;
  const ElementwiseTraffic& traffic_;
  Gemm qkv_, scores_, context_, projection_, up_, down_;
  double activation_ = 0;
};

// Activation bytes of a layer (arXiv 2205.05198 Table 2), in 16 bits; doubled in 32.
Bytes SavedByLayer(const TransformerStep& step, Recompute recompute) {
  const double unit = step.sequence * step.micro_batch * step.hidden * step.element() / 2;
  const double t = step.tensor;
  if (recompute == Recompute::kFull) return {2 * unit};
  const bool stores_scores = recompute == Recompute::kNone && !step.fused_attention;
  const double scores = stores_scores ? 5 * step.heads * step.sequence / step.hidden / t : 0;
  const double whole = 10 / (step.sequence_parallel ? t : 1);
  return {unit * (whole + (8 + 4 * step.widening) / t + scores)};
}

// On the way back: the gradient of the layer's result, and of its inner features.
Bytes GradientsInLayer(const TransformerStep& step) {
  return {step.element() * step.sequence * step.micro_batch * step.hidden *
          (1 + step.widening / step.tensor)};
}

ModelPart Layer(const TransformerStep& step, bool has_experts) {
  const LayerWriter writer(step);
  ModelPart part;
  part.forward = writer.Forward(has_experts);
  part.backward = writer.Backward(has_experts);
  part.saved = SavedByLayer(step, step.recompute);
  part.workspace = SavedByLayer(step, Recompute::kNone) - part.saved + GradientsInLayer(step);
  part.parameters = step.layer_parameters() / step.tensor;
  return part;
}

// The product with the embedding on the last stage, and the loss over its result, which stays in
// memory in 32 bits.
ModelPart Head(const TransformerStep& step) {
  const double share = step.predicted > 0 ? step.predicted / step.sequence : 1;
  const double tokens = step.sequence * step.micro_batch * share, part = step.vocab / step.tensor;
  const Gemm product = {tokens, part, step.hidden};
  ModelPart head;
  AddGemm(head.forward, step.type, product);
  AddSweep(head.forward, 8 * tokens * part, 2);
  AddGemmGradients(head.backward, step.type, product);
  AddSweep(head.backward, 4 * tokens * part, 2);
  head.held = {4 * tokens * part};
  return head;
}

std::vector<ModelPart> PartsOfStage(const TransformerStep& step, int32_t stage, int32_t stages) {
  std::vector<ModelPart> parts;
  ModelPart embedding;
  embedding.parameters = step.embedding_parameters() / step.tensor;
  if (stage == 0) parts.push_back(embedding);
  const int32_t first = static_cast<int32_t>(step.layers) / stages * stage;
  const int32_t last = static_cast<int32_t>(step.layers) / stages * (stage + 1);
  const int32_t with_experts = step.experts > 0 ? (last + 1) / 2 - (first + 1) / 2 : 0;
  if (with_experts > 0) parts.push_back(ExpertLayer(step)), parts.back().count = with_experts;
  if (last - first > with_experts)
    parts.push_back(DenseLayer(step)), parts.back().count = last - first - with_experts;
  if (stage + 1 < stages) return parts;
  parts.push_back(Head(step));
  if (step.pipeline > 1) parts.back().parameters = embedding.parameters;
  return parts;
}

}  // namespace

ModelPart DenseLayer(const TransformerStep& step) { return Layer(step, false); }

ModelPart ExpertLayer(const TransformerStep& step) {
  ModelPart part = Layer(step, true);
  const double feed_forward = 2 * step.widening * step.hidden * step.hidden / step.tensor;
  part.parameters -= feed_forward;
  part.expert_parameters = feed_forward * step.experts / step.data;
  return part;
}

absl::StatusOr<StepPrediction> Predict(const TransformerStep& step, const Cluster& cluster) {
  if (step.micro_batches() < 1 || step.micro_batches() * step.data * step.micro_batch != step.batch)
    return absl::InvalidArgumentError("the micro-batch does not divide the batch");
  const int32_t stages = step.pipeline * step.interleave;
  if (std::fmod(step.layers, stages) != 0)
    return absl::InvalidArgumentError("the stages do not divide the layers");
  StepLayout layout;
  layout.type = step.type;
  layout.tensor = step.tensor, layout.data = step.data;
  layout.pipeline = step.pipeline, layout.interleave = step.interleave;
  layout.micro_batches = step.micro_batches();
  layout.zero = step.zero;
  layout.state_bytes = step.type == NumberType::kF32 ? 8 : 12;
  layout.overlap_data = step.overlap_data, layout.scatter_gather = step.scatter_gather;
  layout.update_bytes = step.update_bytes;
  layout.gradient_bytes = step.gradient_bytes > 0 ? step.gradient_bytes : step.element();
  layout.accumulation_bytes = step.accumulation_bytes;
  layout.gradient_sweeps = step.gradient_sweeps;
  layout.boundary = {step.element() * step.sequence * step.micro_batch * step.hidden};
  std::vector<std::vector<ModelPart>> parts;
  for (int32_t stage = 0; stage < stages; ++stage)
    parts.push_back(PartsOfStage(step, stage, stages));
  return PredictStep(parts, layout, cluster);
}

}  // namespace automap
