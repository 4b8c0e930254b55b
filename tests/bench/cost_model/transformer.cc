#include "tests/bench/cost_model/transformer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "simulator/collective/group_path.h"
#include "simulator/pipeline/simulate_pipeline.h"

namespace automap {
namespace {

constexpr int32_t kDataAxis = 0, kTensorAxis = 1;
// Kernels between the matrix products of a layer, once fused.
constexpr int kSweeps = 8;

struct Gemm {
  double rows, columns, depth, batch = 1;
};

class LayerWriter {
 public:
  explicit LayerWriter(const TransformerStep& step) : step_(step) {
    const double tokens = step.sequence * step.micro_batch, h = step.hidden, t = step.tensor;
    const double groups = step.micro_batch * step.heads / t, head = h / step.heads;
    qkv_ = {tokens, 3 * h / t, h};
    scores_ = {step.sequence, step.sequence, head, groups};
    context_ = {step.sequence, head, step.sequence, groups};
    projection_ = {tokens, h, h / t};
    up_ = {tokens, 4 * h / t, h};
    down_ = {tokens, h, 4 * h / t};
    activation_ = step.element() * tokens * h;
  }

  Program Forward() const {
    Program program;
    Attention(program);
    for (const Gemm& gemm : {qkv_, projection_, up_, down_}) Add(program, gemm);
    Sweeps(program, 1, false);
    for (int i = 0; i < 2; ++i) Reduce(program, 0);
    if (step_.zero == 3) Gather(program);
    return program;
  }

  // Each product has two gradients. The all-reduce of an input's gradient may run behind the
  // product that makes the weights' gradient.
  Program Backward() const {
    Program program;
    if (step_.recompute == Recompute::kFull) program = Forward();
    if (step_.recompute == Recompute::kSelective) Attention(program);
    for (const Gemm& gemm : {down_, up_, projection_, qkv_, scores_, context_}) {
      const bool is_column = gemm.depth == step_.hidden;
      Add(program, {gemm.rows, gemm.depth, gemm.columns, gemm.batch});
      const bool reduces = is_column && gemm.batch == 1;
      if (reduces) Reduce(program, step_.overlap_tensor ? 1 : 0);
      Add(program, {gemm.depth, gemm.columns, gemm.rows, gemm.batch});
    }
    Sweeps(program, 1.5, true);
    if (step_.zero == 3) Gather(program), Scatter(program);
    return program;
  }

 private:
  void Attention(Program& program) const {
    Add(program, scores_);
    Add(program, context_);
    if (step_.fused_attention) return;
    // Scores, softmax and dropout: nine bytes an element in 16 bits (and twice as many in 32).
    const double bytes = 4.5 * step_.element() * step_.sequence * step_.sequence * scores_.batch;
    Sweep(program, bytes, 2);
  }

  void Add(Program& program, const Gemm& gemm) const {
    ComputeStep step;
    step.kind = ComputeKind::kMatmul;
    step.type = step_.type;
    step.flops = {2 * gemm.rows * gemm.columns * gemm.depth * gemm.batch};
    step.bytes = {step_.element() * gemm.batch *
                  (gemm.rows * gemm.depth + gemm.depth * gemm.columns + gemm.rows * gemm.columns)};
    step.shape = {gemm.rows, gemm.columns, gemm.batch, 0, 0};
    program.steps.push_back(step);
  }

  static void Sweep(Program& program, double bytes, int launches) {
    ComputeStep step;
    step.bytes = {bytes};
    step.launches = launches;
    program.steps.push_back(step);
  }

  // Layer norms, residuals and dropouts on whole activations (unless the sequence is split), GeLU
  // and biases on split ones: 22 and 28 bytes a token and feature in 16 bits, 9 a score.
  void Sweeps(Program& program, double times, bool is_backward) const {
    const double whole = 11 * activation_ / (step_.sequence_parallel ? step_.tensor : 1);
    const double split = 14 * activation_ / step_.tensor;
    Sweep(program, times * (whole + split), kSweeps);
    if (!is_backward || step_.fused_attention) return;
    Sweep(program, times * 4.5 * step_.element() * step_.sequence * step_.sequence * scores_.batch,
          2);
  }

  void Reduce(Program& program, int32_t overlaps) const {
    if (step_.tensor == 1) return;
    if (!step_.sequence_parallel) {
      program.steps.push_back(
          CollectiveStep{CollectiveKind::kAllReduce, kTensorAxis, {activation_}, 1, -1, overlaps});
      return;
    }
    for (const auto kind : {CollectiveKind::kAllGather, CollectiveKind::kReduceScatter})
      program.steps.push_back(CollectiveStep{kind, kTensorAxis, {activation_}, 1, -1, overlaps});
  }

  Bytes Parameters() const { return {step_.element() * step_.layer_parameters() / step_.tensor}; }
  void Gather(Program& program) const {
    program.steps.insert(program.steps.begin(),
                         CollectiveStep{CollectiveKind::kAllGather, kDataAxis, Parameters(), 1, -1,
                                        step_.overlap_data ? 1000 : 0});
  }
  void Scatter(Program& program) const {
    program.steps.insert(program.steps.begin(),
                         CollectiveStep{CollectiveKind::kReduceScatter, kDataAxis, Parameters(), 1,
                                        -1, step_.overlap_data ? 1000 : 0});
  }

  const TransformerStep& step_;
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
  return {unit * (whole + 24 / t + scores)};
}

// The product with the embedding on the last stage, and the loss over its result.
Program LogitsProgram(const TransformerStep& step, bool is_backward) {
  Program program;
  const double tokens = step.sequence * step.micro_batch, part = step.vocab / step.tensor;
  for (int i = 0; i < (is_backward ? 2 : 1); ++i) {
    ComputeStep product;
    product.kind = ComputeKind::kMatmul;
    product.type = step.type;
    product.flops = {2 * tokens * part * step.hidden};
    product.bytes = {step.element() * (tokens * step.hidden + part * step.hidden + tokens * part)};
    product.shape = {tokens, part, 1, 0, 0};
    program.steps.push_back(product);
  }
  ComputeStep loss;
  loss.bytes = {4 * tokens * part * (is_backward ? 1 : 2)};
  loss.launches = 2;
  program.steps.push_back(loss);
  return program;
}

// Bytes of a parameter: weight, gradient, and the state that ZeRO splits. Gradients are whole
// before they are scattered.
double BytesOfParameter(const TransformerStep& step) {
  const double split = step.zero > 0 ? step.data : 1;
  const double weights = step.element() / (step.zero == 3 ? step.data : 1);
  const double gradients = step.element();
  return weights + gradients + (step.type == NumberType::kF32 ? 8 : 12) / split;
}

// What the stage holds of its parameters on one device.
double StageParameters(const TransformerStep& step, int32_t stage, int32_t stages) {
  double parameters = step.layer_parameters() * step.layers / stages;
  if (stage == 0 || (stage == stages - 1 && step.pipeline > 1))
    parameters += step.embedding_parameters();
  return parameters / step.tensor;
}

class PipelineMaker {
 public:
  PipelineMaker(const TransformerStep& step, const Cluster& cluster)
      : step_(step), cluster_(cluster), layer_(ProgramsOfLayer(step)) {}

  absl::StatusOr<Pipeline> Make() const {
    const int32_t stages = step_.pipeline * step_.interleave;
    Pipeline pipeline = {{}, step_.micro_batches(), step_.interleave};
    for (int32_t s = 0; s < stages; ++s) {
      ASSIGN_OR_RETURN(const PipelineStage stage, StageOf(s, stages));
      pipeline.stages.push_back(stage);
    }
    return pipeline;
  }

 private:
  int32_t group_size() const { return step_.tensor * step_.data; }

  absl::StatusOr<PipelineStage> StageOf(int32_t s, int32_t stages) const {
    const Mesh mesh = {{{"data", step_.data}, {"tensor", step_.tensor}},
                       s % step_.pipeline * group_size()};
    ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(cluster_, mesh));
    const double layers = step_.layers / stages;
    PipelineStage stage;
    stage.forward = model.Evaluate(layer_.forward).step_time * layers;
    stage.backward = model.Evaluate(layer_.backward).step_time * layers;
    stage.activations = layer_.saved * layers;
    const double parameters = StageParameters(step_, s, stages);
    stage.resident = Bytes{BytesOfParameter(step_) * parameters} + layer_.workspace;
    if (s == stages - 1) AddLogits(model, stage);
    if (s + 1 < stages) AddTransfers(s, stage);
    AddUpdate(model, parameters, stage);
    return stage;
  }

  void AddLogits(const CostModel& model, PipelineStage& stage) const {
    stage.forward += model.Evaluate(LogitsProgram(step_, false)).step_time;
    stage.backward += model.Evaluate(LogitsProgram(step_, true)).step_time;
    // Logits in 32 bits and their gradient.
    stage.resident += Bytes{(4 + step_.element()) * step_.sequence * step_.micro_batch *
                            step_.vocab / step_.tensor};
  }

  void AddTransfers(int32_t s, PipelineStage& stage) const {
    const DeviceRange from = {s % step_.pipeline * group_size(), group_size()};
    const DeviceRange to = {(s + 1) % step_.pipeline * group_size(), group_size()};
    const Bytes bytes = {step_.element() * step_.sequence * step_.micro_batch * step_.hidden *
                         step_.data};
    stage.send = TransferTime(cluster_, from, to, bytes);
    stage.send_back = TransferTime(cluster_, to, from, bytes);
  }

  void AddUpdate(const CostModel& model, double parameters, PipelineStage& stage) const {
    if (step_.zero < 3) {
      const CollectiveStep reduce = {
          CollectiveKind::kAllReduce, kDataAxis, {step_.element() * parameters}, 1, -1, 0};
      stage.gradient_sync = model.StepTime(reduce);
      if (step_.overlap_data)
        stage.gradient_sync =
            std::max(Seconds{0}, stage.gradient_sync - stage.backward * kHiddenShare);
    }
    ComputeStep update;
    update.bytes = {30 * parameters / (step_.zero > 0 ? step_.data : 1)};
    stage.update = model.StepTime(update);
  }

  // The gradients of the first layers are there last.
  static constexpr double kHiddenShare = 0.9;

  const TransformerStep& step_;
  const Cluster& cluster_;
  const LayerPrograms layer_;
};

}  // namespace

LayerPrograms ProgramsOfLayer(const TransformerStep& step) {
  const LayerWriter writer(step);
  LayerPrograms programs = {writer.Forward(), writer.Backward(), {}, {}};
  programs.saved = SavedByLayer(step, step.recompute);
  if (step.recompute != Recompute::kNone)
    programs.workspace = SavedByLayer(step, Recompute::kNone) - programs.saved;
  return programs;
}

absl::StatusOr<StepPrediction> Predict(const TransformerStep& step, const Cluster& cluster) {
  if (step.tensor * step.data * step.pipeline > cluster.device_count())
    return absl::InvalidArgumentError(
        absl::StrCat("the cluster has ", cluster.device_count(), " devices"));
  if (step.micro_batches() < 1 || step.micro_batches() * step.data * step.micro_batch != step.batch)
    return absl::InvalidArgumentError("the micro-batch does not divide the batch");
  if (std::fmod(step.layers, step.pipeline * step.interleave) != 0)
    return absl::InvalidArgumentError("the stages do not divide the layers");
  ASSIGN_OR_RETURN(const Pipeline pipeline, PipelineMaker(step, cluster).Make());
  const char* name = step.interleave > 1 ? "INTERLEAVED_1F1B" : "1F1B";
  ASSIGN_OR_RETURN(const PipelineRun run, SimulatePipeline(pipeline, *FindPipelineSchedule(name)));
  StepPrediction prediction = {run.length, {}, true};
  for (const Bytes peak : run.peak) prediction.peak = std::max(prediction.peak, peak);
  const CostModel model = *CostModel::Create(cluster, {});
  prediction.fits = prediction.peak <= model.memory_limit();
  return prediction;
}

}  // namespace automap
