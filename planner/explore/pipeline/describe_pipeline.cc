#include "planner/explore/pipeline/describe_pipeline.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/pipeline/simulate_pipeline.h"

namespace automap {
namespace {

using Range = PipelineProblem::Range;

void FillStageMemory(const StageMemory& memory, int32_t in_flight, v1::Plan::Stage& stage) {
  const auto bytes = [](Bytes size) { return static_cast<int64_t>(size.value); };
  stage.set_parameter_bytes(bytes(memory.parameters));
  stage.set_gradient_bytes(bytes(memory.gradients));
  stage.set_optimizer_bytes(bytes(memory.optimizer));
  stage.set_activation_bytes(bytes(memory.activations));
  stage.set_workspace_bytes(bytes(memory.workspace));
  stage.set_in_flight(in_flight);
  stage.set_memory_bytes(stage.parameter_bytes() + stage.gradient_bytes() +
                         stage.optimizer_bytes() + stage.activation_bytes() +
                         stage.workspace_bytes());
}

void FillStages(const PipelineProblem& problem, const PipelineCuts& cuts, const Pipeline& pipeline,
                const PipelineRun& run, v1::Plan& plan) {
  const int count = static_cast<int>(cuts.layer_ends.size());
  for (int s = 0; s < count; ++s) {
    const PipelineStage& times = pipeline.stages[s];
    const Range layers = PipelineProblem::LayersOf(cuts, s),
                devices = PipelineProblem::DevicesOf(cuts, s);
    const Layer& last = problem.chain().layers[layers.end - 1];
    v1::Plan::Stage& stage = *plan.add_stages();
    stage.set_first_device(devices.begin * problem.group_size());
    stage.set_device_count(devices.count() * problem.group_size());
    if (s + 1 < count) {
      stage.set_cut_after(last.cut_after);
      stage.set_boundary_bytes(static_cast<int64_t>(last.boundary.value));
    }
    stage.set_layer(last.name);
    stage.set_forward_s(times.forward.value);
    stage.set_backward_s(times.backward.value);
    stage.set_send_s(times.send.value);
    stage.set_gradient_sync_s(times.gradient_sync.value);
    stage.set_update_s(times.update.value);
    double variables = 0;
    for (int32_t layer = layers.begin; layer < layers.end; ++layer)
      variables += problem.chain().layers[layer].variables.value;
    stage.set_variable_bytes(static_cast<int64_t>(variables));
    stage.set_memory_limit_bytes(static_cast<int64_t>(problem.MemoryLimit(devices).value));
    FillStageMemory(problem.MemoryOf(layers, devices, run.in_flight[s]), run.in_flight[s], stage);
  }
}

// Whether a group of the model axis spans servers. Collectives on it are priced by the worst of all
// groups, whichever stage they run in.
bool GroupsLeaveServers(const PipelineProblem& problem) {
  for (int32_t place = 0; place < problem.devices(); ++place) {
    if (!problem.IsInOneServer({place, place + 1})) return true;
  }
  return false;
}

// The same stages when exchanging takes no time, or, unless `inside_as_well`, when what leaves a
// server takes none.
Pipeline Quiet(const PipelineProblem& problem, const PipelineCuts& cuts, Pipeline pipeline,
               bool inside_as_well) {
  const int count = static_cast<int>(pipeline.stages.size());
  const bool keeps_exchange =
      problem.group_size() == 1 || (!inside_as_well && !GroupsLeaveServers(problem));
  for (int s = 0; s < count; ++s) {
    PipelineStage& stage = pipeline.stages[s];
    const Range places = PipelineProblem::DevicesOf(cuts, s);
    if (inside_as_well || !problem.IsInOneServer(places)) stage.gradient_sync = {0};
    if (s + 1 == count || inside_as_well ||
        !problem.IsInOneServer({places.begin, PipelineProblem::DevicesOf(cuts, s + 1).end})) {
      stage.send = stage.send_back = {0};
    }
    if (keeps_exchange) continue;
    const PipelineStage exchange =
        problem.ExchangeOf(PipelineProblem::LayersOf(cuts, s), PipelineProblem::DevicesOf(cuts, s));
    stage.forward = std::max(Seconds{0}, stage.forward - exchange.forward);
    stage.backward = std::max(Seconds{0}, stage.backward - exchange.backward);
    stage.update = std::max(Seconds{0}, stage.update - exchange.update);
  }
  return pipeline;
}

// Simulated lengths: as it is, without what leaves a server, without any exchange.
struct Lengths {
  Seconds all, inside, without;
};

// The simulated length in parts: the slowest stage's work, filling and draining (the length without
// communication), and the rest.
void FillTimes(const PipelineProblem& problem, const PipelineCuts& cuts, const Pipeline& pipeline,
               const Lengths& lengths, v1::Plan::Cost& cost) {
  Seconds slowest, work;
  const Pipeline alone = Quiet(problem, cuts, pipeline, true);
  for (int s = 0; s < pipeline.groups(); ++s) {
    const PipelineStage& stage = alone.stages[s];
    slowest =
        std::max(slowest, (stage.forward + stage.backward) * pipeline.micro_batches + stage.update);
    work +=
        problem.WholeWork(PipelineProblem::LayersOf(cuts, s), PipelineProblem::DevicesOf(cuts, s));
  }
  const Seconds length = lengths.all, without = std::min(length, lengths.without);
  const Seconds compute = std::min(without, slowest);
  cost.set_step_time_s(length.value);
  cost.set_compute_s(compute.value);
  cost.set_bubble_s((without - compute).value);
  cost.set_communication_s((length - without).value);
  cost.set_network_s(std::clamp((length - lengths.inside).value, 0.0, cost.communication_s()));
  const int32_t devices = problem.devices() * problem.group_size();
  cost.set_utilization(length.value > 0 ? work / length / devices : 0);
}

void AddCollective(v1::Plan::Collective::Kind kind, const char* axis, int64_t count, double bytes,
                   double time, v1::Plan::Cost& cost) {
  if (count == 0) return;
  v1::Plan::Collective& collective = *cost.add_collectives();
  collective.set_kind(kind);
  collective.set_axis(axis);
  collective.set_count(count);
  collective.set_bytes(static_cast<int64_t>(bytes));
  collective.set_time_s(time);
}

// Of the model axis, inside the stages: one row for each kind, summed over stages and
// micro-batches.
void FillExchanges(const PipelineProblem& problem, const PipelineCuts& cuts, v1::Plan::Cost& cost) {
  const int32_t micro_batches = problem.options().micro_batches;
  struct Total {
    int64_t count = 0;
    double bytes = 0;
    Seconds time;
  };
  std::map<CollectiveKind, Total> totals;
  for (const Layer& layer : problem.chain().layers) {
    for (const LayerExchange& exchange : layer.exchanges) {
      Total& total = totals[exchange.kind];
      total.count += exchange.count * micro_batches + exchange.update_count;
      total.bytes +=
          exchange.fixed.value * micro_batches + exchange.scaled.value + exchange.update.value;
    }
  }
  for (auto& [kind, total] : totals) {
    for (int s = 0; s < static_cast<int>(cuts.layer_ends.size()); ++s) {
      const PipelineStage part = problem.ExchangeOf(PipelineProblem::LayersOf(cuts, s),
                                                    PipelineProblem::DevicesOf(cuts, s), kind);
      total.time += (part.forward + part.backward) * micro_batches + part.update;
    }
    AddCollective(static_cast<v1::Plan::Collective::Kind>(static_cast<int>(kind) + 1), kModelAxis,
                  total.count, total.bytes, total.time.value, cost);
  }
}

void FillCollectives(const PipelineProblem& problem, const PipelineCuts& cuts,
                     const Pipeline& pipeline, v1::Plan::Cost& cost) {
  const int count = static_cast<int>(cuts.layer_ends.size());
  double sync_bytes = 0, sync_time = 0, send_bytes = 0, send_time = 0;
  int64_t syncs = 0;
  for (int s = 0; s < count; ++s) {
    const Range layers = PipelineProblem::LayersOf(cuts, s);
    if (PipelineProblem::DevicesOf(cuts, s).count() > 1) {
      ++syncs;
      for (int32_t layer = layers.begin; layer < layers.end; ++layer)
        sync_bytes += problem.chain().layers[layer].gradients.value;
      sync_time += pipeline.stages[s].gradient_sync.value;
    }
    if (s + 1 == count) continue;
    send_bytes += 2 * problem.chain().layers[layers.end - 1].boundary.value;
    send_time += 2 * pipeline.stages[s].send.value * problem.options().micro_batches;
  }
  AddCollective(v1::Plan::Collective::ALL_REDUCE, "data", syncs, sync_bytes, sync_time, cost);
  AddCollective(v1::Plan::Collective::SEND_RECV, "pipeline",
                int64_t{2} * (count - 1) * problem.options().micro_batches, send_bytes, send_time,
                cost);
  FillExchanges(problem, cuts, cost);
}

// Of the stage that is nearest to its limit.
void FillMemory(const v1::Plan& plan, v1::Plan::Cost& cost) {
  const auto pressure = [](const v1::Plan::Stage& stage) {
    return static_cast<double>(stage.memory_bytes()) /
           static_cast<double>(std::max<int64_t>(1, stage.memory_limit_bytes()));
  };
  const v1::Plan::Stage& fullest =
      *std::max_element(plan.stages().begin(), plan.stages().end(),
                        [&](const auto& a, const auto& b) { return pressure(a) < pressure(b); });
  cost.set_fits(pressure(fullest) <= 1);
  cost.set_peak_memory_bytes(fullest.memory_bytes());
  cost.set_memory_limit_bytes(fullest.memory_limit_bytes());
  cost.set_parameter_bytes(fullest.parameter_bytes());
  cost.set_optimizer_bytes(fullest.optimizer_bytes());
  cost.set_gradient_bytes(fullest.gradient_bytes());
  cost.set_activation_bytes(fullest.activation_bytes() + fullest.workspace_bytes());
}

std::string GiB(double bytes) { return absl::StrFormat("%.1f GiB", bytes / (1 << 30)); }

absl::Status Refuse(int stage, absl::string_view field, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("stages[", stage, "].", field, ": ", why));
}

}  // namespace

absl::StatusOr<v1::Plan> DescribePipelinePlan(
    const PreparedModule* module, const std::string& profile_sha256, const v1::Cluster& cluster,
    const PipelineProblem& problem, const PipelineCuts& cuts, const v1::Plan::Semantics& semantics,
    const AxisDecisions* model, const std::string& schedule) {
  v1::Plan plan;
  if (module != nullptr) {
    // Every array is whole inside its stage but for what the model axis splits.
    Decisions decisions;
    decisions.semantics = SemanticsOf(semantics);
    if (model != nullptr) decisions.axes.push_back(*model);
    ASSIGN_OR_RETURN(plan, DescribePlan(*module, cluster, decisions, semantics));
    plan.clear_warnings();
    for (const std::string& remark : module->graph().remarks()) plan.add_warnings(remark);
  } else {
    plan.set_module_sha256(profile_sha256);
    plan.set_cluster_sha256(ClusterDigest(cluster));
    plan.set_planner_version(kPlannerVersion);
    *plan.mutable_semantics() = semantics;
  }
  RETURN_IF_ERROR(DescribePipeline(problem, cuts, schedule, plan));
  return plan;
}

absl::Status DescribePipeline(const PipelineProblem& problem, const PipelineCuts& cuts,
                              const std::string& schedule, v1::Plan& plan) {
  const PipelineSchedule* order = FindPipelineSchedule(schedule);
  if (order == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("schedule: \"", schedule, "\", must be GPIPE, 1F1B or INTERLEAVED_1F1B"));
  }
  const Pipeline pipeline = problem.PipelineOf(cuts);
  ASSIGN_OR_RETURN(const PipelineRun run, SimulatePipeline(pipeline, *order));
  const auto length_of = [&](bool inside_as_well) -> absl::StatusOr<Seconds> {
    ASSIGN_OR_RETURN(const PipelineRun quiet,
                     SimulatePipeline(Quiet(problem, cuts, pipeline, inside_as_well), *order));
    return quiet.length;
  };
  Lengths lengths = {run.length, {}, {}};
  ASSIGN_OR_RETURN(lengths.inside, length_of(false));
  ASSIGN_OR_RETURN(lengths.without, length_of(true));
  plan.set_strategy(StrategyOfStages(problem.options().stages, problem.group_size()));
  plan.set_micro_batches(problem.options().micro_batches);
  plan.set_schedule(schedule);
  plan.clear_stages();
  plan.clear_cost();
  FillStages(problem, cuts, pipeline, run, plan);
  v1::Plan::Cost& cost = *plan.mutable_cost();
  FillTimes(problem, cuts, pipeline, lengths, cost);
  FillCollectives(problem, cuts, pipeline, cost);
  FillMemory(plan, cost);
  FillInterval(cost);
  for (const std::string& remark : problem.chain().remarks) plan.add_warnings(remark);
  for (const SharedVariable& shared : problem.chain().shared) {
    if (shared.bytes.value < 1e6) continue;
    plan.add_warnings(
        absl::StrCat(shared.name, ": read by several layers; stages that do not hold ",
                     problem.chain().layers[shared.home].name, " keep a copy and exchange ",
                     GiB(2 * shared.bytes.value), " a step"));
  }
  if (!cost.fits()) {
    plan.add_warnings(absl::StrCat("does not fit: needs ", GiB(cost.peak_memory_bytes()),
                                   " per device, ", GiB(cost.memory_limit_bytes()),
                                   " are there; try more devices or pipeline stages"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PlannedChain> ChainOfPlan(const PreparedModule& module, const Cluster& cluster,
                                         const v1::Plan& plan) {
  if (plan.micro_batches() < 1) return absl::FailedPreconditionError("micro_batches: must be >= 1");
  PlannedChain planned;
  Semantics semantics;
  if (plan.mesh_size() > 0) {
    ASSIGN_OR_RETURN(Decisions decisions, DecisionsOf(module, plan));
    const int32_t size = plan.mesh(0).size();
    if (plan.mesh_size() > 1 || plan.mesh(0).name() != kModelAxis ||
        cluster.device_count() % size != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("mesh: a plan with stages has one axis, model, whose size divides the ",
                       cluster.device_count(), " devices"));
    }
    planned.model = std::move(decisions.axes.front());
    semantics = decisions.semantics;
  }
  ASSIGN_OR_RETURN(planned.costs, StepCosts::Create(module, cluster, plan.micro_batches()));
  if (!planned.model) {
    planned.chain = planned.costs->Chain();
  } else {
    ASSIGN_OR_RETURN(const AppliedAxis splits, planned.costs->Apply(*planned.model, semantics));
    planned.chain = planned.costs->Chain(splits.propagation.get());
  }
  return planned;
}

absl::StatusOr<PipelineCuts> CutsOf(const PipelineProblem& problem, const v1::Plan& plan) {
  PipelineCuts cuts;
  const auto& layers = problem.chain().layers;
  const int32_t group = problem.group_size();
  int32_t device = 0;
  for (int s = 0; s < plan.stages_size(); ++s) {
    const v1::Plan::Stage& stage = plan.stages(s);
    if (stage.first_device() != device)
      return Refuse(s, "first_device", absl::StrCat(stage.first_device(), ", must be ", device));
    const int32_t left = problem.devices() * group - device;
    if (stage.device_count() < 1 || stage.device_count() > left) {
      return Refuse(s, "device_count", absl::StrCat(stage.device_count(), ", must be 1 to ", left));
    }
    if (stage.device_count() % group != 0) {
      return Refuse(s, "device_count",
                    absl::StrCat(stage.device_count(), ", must be a multiple of the model axis's ",
                                 group, ", whose devices share a stage"));
    }
    device += stage.device_count();
    cuts.device_ends.push_back(device / group);
    if (s + 1 == plan.stages_size()) {
      cuts.layer_ends.push_back(problem.layers());
      continue;
    }
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const Layer& layer) {
      return layer.cut_after == stage.cut_after();
    });
    if (found == layers.end() || found + 1 == layers.end()) {
      return Refuse(
          s, "cut_after",
          absl::StrCat("\"", stage.cut_after(), "\", is no place where the module is cut"));
    }
    cuts.layer_ends.push_back(static_cast<int32_t>(found - layers.begin()) + 1);
  }
  if (!problem.IsLegal(cuts)) {
    return absl::FailedPreconditionError(
        "stages: must be in order, use all devices, and have a variable each");
  }
  return cuts;
}

}  // namespace automap
