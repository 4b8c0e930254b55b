#include "tests/bench/cost_model/step_prediction.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "simulator/collective/group_path.h"
#include "simulator/evaluate.h"
#include "simulator/pipeline/simulate_pipeline.h"

namespace automap {
namespace {

// Of a stage: what its device spends on collectives in a step.
struct Exchange {
  Seconds inside, outside;
};

struct Parameters {
  double replicated = 0, expert = 0;
  double last_to_come = 0;  // the replicated ones of the layer whose gradients come last
};

Parameters CountParameters(const std::vector<ModelPart>& parts) {
  Parameters sum;
  for (const ModelPart& part : parts) {
    sum.replicated += part.parameters * part.count;
    sum.expert += part.expert_parameters * part.count;
    if (sum.last_to_come == 0) sum.last_to_come = part.parameters;
  }
  return sum;
}

class PipelineMaker {
 public:
  PipelineMaker(const StepLayout& layout, const Cluster& cluster)
      : layout_(layout), cluster_(cluster) {}

  absl::StatusOr<Pipeline> Make(const std::vector<std::vector<ModelPart>>& stages) {
    Pipeline pipeline = {{}, layout_.micro_batches, layout_.interleave};
    exchanges_.resize(layout_.pipeline);
    for (size_t s = 0; s < stages.size(); ++s) {
      ASSIGN_OR_RETURN(const PipelineStage stage, StageOf(stages[s], s));
      pipeline.stages.push_back(stage);
      if (s + 1 < stages.size()) AddTransfers(s, pipeline.stages.back());
    }
    return pipeline;
  }

  const Exchange& exchange(int32_t group) const { return exchanges_[group]; }

 private:
  int32_t group_size() const { return layout_.tensor * layout_.data; }

  absl::StatusOr<PipelineStage> StageOf(const std::vector<ModelPart>& parts, size_t s) {
    const int32_t group = s % layout_.pipeline;
    const Mesh mesh = {{{"data", layout_.data}, {"tensor", layout_.tensor}}, group * group_size()};
    ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(cluster_, mesh));
    PipelineStage stage;
    Bytes held;
    Seconds at_memory;
    for (const ModelPart& part : parts) {
      at_memory += AtMemory(model, part.backward) * part.count;
      stage.forward += Run(model, part.forward, part.count, group);
      stage.backward += Run(model, part.backward, part.count, group);
      stage.activations += part.saved * part.count;
      held += part.held;
    }
    const Parameters parameters = CountParameters(parts);
    if (layout_.micro_batches > 1) stage.backward += Accumulate(model, parameters);
    stage.resident = held + StateBytes(parameters) + BackwardBytes(parts) - stage.activations;
    AddUpdate(model, parameters, group, at_memory, stage);
    return stage;
  }

  Seconds Accumulate(const CostModel& model, const Parameters& parameters) const {
    ComputeStep sum;
    const double bytes =
        layout_.accumulation_bytes > 0 ? layout_.accumulation_bytes : 3 * BytesOf(layout_.type);
    sum.bytes = {bytes * (parameters.replicated + parameters.expert)};
    return model.StepTime(sum);
  }

  static Seconds AtMemory(const CostModel& model, const Program& program) {
    Seconds sum;
    for (const Step& step : program.steps) {
      const auto* compute = std::get_if<ComputeStep>(&step);
      if (compute != nullptr && compute->kind == ComputeKind::kMemory)
        sum += model.StepTime(*compute);
    }
    return sum;
  }

  Seconds Run(const CostModel& model, const Program& program, double count, int32_t group) {
    const Evaluation cost = model.Evaluate(program);
    for (const CollectiveTotal& total : cost.collectives) {
      Seconds& sum =
          model.LeavesServer(total.axis) ? exchanges_[group].outside : exchanges_[group].inside;
      sum += total.time * (count * layout_.micro_batches);
    }
    return cost.step_time * count;
  }

  // Weights, and the state that ZeRO splits.
  Bytes StateBytes(const Parameters& parameters) const {
    const double replicas = layout_.data, element = BytesOf(layout_.type);
    const double state = layout_.state_bytes;
    const double split =
        element / (layout_.zero == 3 ? replicas : 1) + state / (layout_.zero > 0 ? replicas : 1);
    return {split * parameters.replicated + (element + state) * parameters.expert};
  }

  // The fullest moment of a backward pass: what its layers work with, what those before have saved,
  // and gradients, which are whole before they are scattered. Sums over micro-batches are there
  // throughout; the gradients of a single one come layer by layer, as what was saved goes.
  Bytes BackwardBytes(const std::vector<ModelPart>& parts) const {
    Bytes saved, gradients, fullest;
    for (const ModelPart& part : parts) {
      saved += part.saved * part.count;
      if (layout_.micro_batches > 1) gradients += GradientBytes(part) * part.count;
    }
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      for (int i = 0; i < part->count; ++i) {
        if (layout_.micro_batches == 1) gradients += GradientBytes(*part);
        fullest = std::max(fullest, saved + gradients + part->workspace);
        saved = saved - part->saved;
      }
    }
    return fullest;
  }

  Bytes GradientBytes(const ModelPart& part) const {
    return {BytesOf(layout_.type) * (part.parameters + part.expert_parameters)};
  }

  void AddTransfers(int32_t s, PipelineStage& stage) const {
    const DeviceRange from = {s % layout_.pipeline * group_size(), group_size()};
    const DeviceRange to = {(s + 1) % layout_.pipeline * group_size(), group_size()};
    const double copies = layout_.scatter_gather ? 1 : layout_.tensor;
    const Bytes bytes = layout_.boundary * (layout_.data * copies);
    stage.send = TransferTime(cluster_, from, to, bytes);
    stage.send_back = TransferTime(cluster_, to, from, bytes);
  }

  // Gradients that come while the last backward runs are reduced behind it, but those of the layer
  // that comes last.
  void AddUpdate(const CostModel& model, const Parameters& parameters, int32_t group,
                 Seconds at_memory, PipelineStage& stage) {
    const auto reduce = [&](double count) {
      return CollectiveStep{
          CollectiveKind::kAllReduce, kDataAxis, {layout_.gradient_bytes * count}, 1, -1, 0};
    };
    if (layout_.zero < 3 && layout_.data > 1) {
      const CollectiveStep all = reduce(parameters.replicated);
      stage.gradient_sync = model.StepTime(all);
      if (layout_.overlap_data)
        stage.gradient_sync = std::max(model.StepTime(reduce(parameters.last_to_come)),
                                       model.TimeBehind(all, {stage.backward, at_memory}));
      Seconds& sum =
          model.LeavesServer(kDataAxis) ? exchanges_[group].outside : exchanges_[group].inside;
      sum += stage.gradient_sync;
      ComputeStep sweeps;
      sweeps.bytes = all.bytes * layout_.gradient_sweeps;
      stage.gradient_sync += model.StepTime(sweeps);
    }
    ComputeStep update;
    const double split = layout_.zero > 0 ? layout_.data : 1;
    update.bytes = {layout_.update_bytes * (parameters.replicated / split + parameters.expert)};
    stage.update = model.StepTime(update);
  }

  const StepLayout& layout_;
  const Cluster& cluster_;
  std::vector<Exchange> exchanges_;
};

}  // namespace

absl::StatusOr<StepPrediction> PredictStep(const std::vector<std::vector<ModelPart>>& stages,
                                           const StepLayout& layout, const Cluster& cluster) {
  if (layout.tensor * layout.data * layout.pipeline > cluster.device_count())
    return absl::InvalidArgumentError(
        absl::StrCat("the cluster has ", cluster.device_count(), " devices"));
  PipelineMaker maker(layout, cluster);
  ASSIGN_OR_RETURN(const Pipeline pipeline, maker.Make(stages));
  const char* name = layout.interleave > 1 ? "INTERLEAVED_1F1B" : "1F1B";
  ASSIGN_OR_RETURN(const PipelineRun run, SimulatePipeline(pipeline, *FindPipelineSchedule(name)));
  StepPrediction prediction = {run.length, {}, {}, true};
  for (const Bytes peak : run.peak) prediction.peak = std::max(prediction.peak, peak);
  const size_t busiest = std::max_element(run.busy.begin(), run.busy.end()) - run.busy.begin();
  const Exchange& exchange = maker.exchange(busiest);
  prediction.parts = {run.length - exchange.inside - exchange.outside, exchange.inside,
                      exchange.outside};
  const CostModel model = *CostModel::Create(cluster, {});
  prediction.fits = prediction.peak <= model.memory_limit();
  return prediction;
}

}  // namespace automap
