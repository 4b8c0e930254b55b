#include "planner/simulate_module_plan.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/plan/describe_plan.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/timeline/chrome_trace.h"
#include "simulator/timeline/svg.h"

namespace automap {
namespace {

constexpr int32_t kMostRows = 64;
constexpr int64_t kMostEvents = 20000;

struct PathNames final : StepNames {
  explicit PathNames(const Graph& the_graph) : graph(the_graph) {}
  std::string NameOf(int32_t label) const override { return label < 0 ? "" : graph.Path(label); }
  const Graph& graph;
};

const char* KindName(ComputeKind kind) {
  switch (kind) {
    case ComputeKind::kMatmul:
      return "matrix products";
    case ComputeKind::kConvolution:
      return "convolutions";
    case ComputeKind::kMemory:
      return "element-wise, reductions, moves";
  }
  return "";
}

class Shares {
 public:
  Shares(const CostModel& model, const Mesh& mesh, const Graph& graph)
      : model_(model), mesh_(mesh), graph_(graph) {}

  void Add(const Step& step) {
    if (const auto* compute = std::get_if<ComputeStep>(&step)) {
      Add(kinds_[{static_cast<int>(compute->kind), KindName(compute->kind)}],
          model_.StepTime(*compute), compute->repeats * compute->launches);
      AddLayer(compute->label, model_.StepTime(*compute), compute->repeats * compute->launches);
      return;
    }
    const auto& collective = std::get<CollectiveStep>(step);
    const std::string kind = v1::Plan::Collective::Kind_Name(
        static_cast<v1::Plan::Collective::Kind>(static_cast<int>(collective.kind) + 1));
    const std::string name = absl::StrCat(kind, " on ", mesh_.axes[collective.axis].name);
    Add(kinds_[{100 + static_cast<int>(collective.kind), name}], model_.StepTime(collective),
        collective.repeats);
    AddLayer(collective.label, model_.StepTime(collective), collective.repeats);
  }

  std::vector<TimeShare> Kinds() const {
    std::vector<TimeShare> shares;
    for (const auto& [key, share] : kinds_) {
      shares.push_back(share);
      shares.back().name = key.second;
    }
    return shares;
  }

  std::vector<TimeShare> Layers() const {
    std::vector<TimeShare> shares;
    for (const auto& [name, share] : layers_) {
      shares.push_back(share);
      shares.back().name = name.empty() ? "(no layer name)" : name;
    }
    std::stable_sort(shares.begin(), shares.end(),
                     [](const TimeShare& a, const TimeShare& b) { return a.time > b.time; });
    return shares;
  }

 private:
  static void Add(TimeShare& share, Seconds time, int64_t count) {
    share.time += time;
    share.count += count;
  }
  void AddLayer(int32_t label, Seconds time, int64_t count) {
    const std::string name = label < 0 ? "" : LayerName(graph_.EffectiveName(label));
    Add(layers_[name], time, count);
  }

  const CostModel& model_;
  const Mesh& mesh_;
  const Graph& graph_;
  std::map<std::pair<int, std::string>, TimeShare> kinds_;
  std::map<std::string, TimeShare> layers_;
};

struct Request {
  absl::string_view bytes;
  const v1::Cluster& cluster_proto;
  const Cluster& cluster;
  const v1::Plan& plan;
};

absl::StatusOr<PlanSimulation> SimulateSplits(const Request& request,
                                              const PreparedModule& module) {
  ASSIGN_OR_RETURN(const Decisions decisions, DecisionsOf(module, request.plan));
  ASSIGN_OR_RETURN(const v1::Plan derived, DescribePlan(module, request.cluster_proto, decisions,
                                                        request.plan.semantics()));
  ASSIGN_OR_RETURN(const AppliedDecisions applied, AppliedDecisions::Create(module, decisions));
  const Mesh mesh = decisions.mesh();
  ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(request.cluster, mesh));
  const Program program = module.lowering().Lower(applied.axes());
  Shares shares(model, mesh, module.graph());
  for (const Step& step : program.steps) shares.Add(step);
  const int32_t rows = std::min(model.device_count(), kMostRows);
  const Seconds coarsest =
      Seconds{derived.cost().step_time_s()} * (static_cast<double>(rows) / kMostEvents);
  PlanSimulation simulation = {derived, derived.cost(), shares.Kinds(), shares.Layers(), {}};
  simulation.timeline =
      ForEachDevice(ProgramTimeline(model, program, PathNames(module.graph()), coarsest),
                    model.device_count(), kMostRows);
  simulation.timeline.title = absl::StrCat(module.graph().module().proto->name(), ", ",
                                           request.plan.strategy(), ", one step");
  return simulation;
}

// "1 stage", "2 stages", "3 micro-batches".
std::string Counted(int32_t count, absl::string_view noun) {
  const char* const ending = count == 1 ? "" : absl::EndsWith(noun, "ch") ? "es" : "s";
  return absl::StrCat(count, " ", noun, ending);
}

Seconds TimeOf(const std::vector<TimeShare>& shares) {
  Seconds sum;
  for (const TimeShare& share : shares) sum += share.time;
  return sum;
}

// What a stage does with its time, averaged over the groups of devices.
std::vector<TimeShare> StageKinds(const Pipeline& pipeline, Seconds length) {
  const char* const names[] = {"forward", "backward", "gradient all-reduce", "update"};
  Seconds sums[4];
  for (const PipelineStage& stage : pipeline.stages) {
    sums[0] += stage.forward * pipeline.micro_batches;
    sums[1] += stage.backward * pipeline.micro_batches;
    sums[2] += stage.gradient_sync;
    sums[3] += stage.update;
  }
  std::vector<TimeShare> shares;
  for (int i = 0; i < 4; ++i) {
    shares.push_back({names[i], sums[i] / static_cast<double>(pipeline.groups()),
                      i < 2 ? pipeline.micro_batches : 1});
  }
  shares.push_back({"waiting", length - TimeOf(shares), 1});
  return shares;
}

// Each stage's part of that, and the waiting of all of them.
std::vector<TimeShare> StageShares(const Pipeline& pipeline, const v1::Plan& plan, Seconds length) {
  std::vector<TimeShare> shares;
  for (int s = 0; s < plan.stages_size(); ++s) {
    const PipelineStage& stage = pipeline.stages[s];
    const Seconds busy = (stage.forward + stage.backward) * pipeline.micro_batches +
                         stage.gradient_sync + stage.update;
    shares.push_back({absl::StrCat("stage ", s, ", to ", plan.stages(s).layer()),
                      busy / static_cast<double>(pipeline.groups()), pipeline.micro_batches});
  }
  shares.push_back({"waiting", length - TimeOf(shares), 1});
  return shares;
}

absl::StatusOr<PlanSimulation> SimulateStages(const Request& request,
                                              const PreparedModule* module) {
  const v1::Plan& plan = request.plan;
  const int32_t micro_batches = std::max(1, plan.micro_batches());
  PlannedChain planned;
  std::string digest;
  if (module != nullptr) {
    ASSIGN_OR_RETURN(planned, ChainOfPlan(*module, request.cluster, plan));
  } else {
    ASSIGN_OR_RETURN(const LayerChain profile, ReadProfile(request.bytes));
    planned.chain = ChainOfMicroBatches(profile, micro_batches);
    digest = Sha256Hex(request.bytes);
  }
  const PipelineProblem problem(planned.chain, request.cluster,
                                {plan.stages_size(), micro_batches, true});
  RETURN_IF_ERROR(problem.Check());
  ASSIGN_OR_RETURN(const PipelineCuts cuts, CutsOf(problem, plan));
  auto described = DescribePipelinePlan(module, digest, request.cluster_proto, problem, cuts,
                                        plan.semantics(), planned.splits(), plan.schedule());
  if (!described.ok()) {
    return absl::Status(described.status().code(),
                        absl::StrCat("plan.", described.status().message()));
  }
  const v1::Plan derived = *std::move(described);
  const Pipeline pipeline = problem.PipelineOf(cuts);
  ASSIGN_OR_RETURN(const PipelineRun run,
                   SimulatePipeline(pipeline, *FindPipelineSchedule(plan.schedule()), true));
  PlanSimulation simulation = {derived,
                               derived.cost(),
                               StageKinds(pipeline, run.length),
                               StageShares(pipeline, derived, run.length),
                               {}};
  simulation.timeline = PipelineTimeline(pipeline, run);
  simulation.timeline.memory_limit = {static_cast<double>(derived.cost().memory_limit_bytes())};
  simulation.timeline.title =
      absl::StrCat(plan.schedule(), ", ", Counted(plan.stages_size(), "stage"), ", ",
                   Counted(micro_batches, "micro-batch"), ", one step");
  return simulation;
}

}  // namespace

absl::StatusOr<PlanSimulation> SimulateModulePlan(absl::string_view bytes,
                                                  const v1::Cluster& cluster_proto,
                                                  const v1::Plan& plan) {
  ASSIGN_OR_RETURN(const Cluster cluster, ClusterFromProto(cluster_proto));
  const Request request = {bytes, cluster_proto, cluster, plan};
  if (IsProfile(bytes)) return SimulateStages(request, nullptr);
  ASSIGN_OR_RETURN(const auto module,
                   PreparedModule::CreateWithProfile(bytes, plan.semantics().roles(),
                                                     plan.semantics().profile(), cluster));
  RETURN_IF_ERROR(CheckPlanIsFor(*module, plan));
  return plan.stages_size() > 0 ? SimulateStages(request, module.get())
                                : SimulateSplits(request, *module);
}

std::string DrawTimeline(const Timeline& timeline, PictureFormat format) {
  return format == PictureFormat::kSvg ? SvgPicture(timeline) : ChromeTrace(timeline);
}

}  // namespace automap
