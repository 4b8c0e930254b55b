#include "planner/verify_module_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/hybrid/stage_splits.h"
#include "planner/explore/input_dims.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/oracle/stopped.h"
#include "planner/plan/describe_plan.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/cluster/cluster_proto.h"

namespace automap {
namespace {

constexpr double kTolerance = 1e-9;

absl::Status Refuse(absl::string_view field, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("plan.", field, ": ", why));
}

// Compares the fields that follow from module, cluster and decisions; names the first that differs.
absl::Status Compare(const v1::Plan& plan, v1::Plan derived) {
  *derived.mutable_bound() = plan.bound();
  if (plan.has_search()) *derived.mutable_search() = plan.search();
  *derived.mutable_alternatives() = plan.alternatives();
  FillWinProbability(derived);
  *derived.mutable_input_dims() = plan.input_dims();  // checked against the problem
  google::protobuf::util::MessageDifferencer differencer;
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_float_comparison(google::protobuf::util::DefaultFieldComparator::APPROXIMATE);
  comparator.SetDefaultFractionAndMargin(kTolerance, 1e-15);
  differencer.set_field_comparator(&comparator);
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(derived, plan)) return absl::OkStatus();
  return Refuse(report.substr(0, report.find('\n')),
                "does not follow from the module, the cluster and the splits");
}

// A plan from before the proof claims nothing, so that there is nothing to prove.
bool ClaimsNothing(const v1::Plan::Bound& stated) {
  const bool is_before = stated.proof() == kStoppedProof || stated.proof() == kOpenProof;
  return is_before && stated.lower_bound_s() == 0 && !stated.has_gap();
}

absl::Status CheckStated(const v1::Plan::Bound& stated, Seconds found, const std::string& proof,
                         double step_time) {
  const bool is_reached = std::abs(step_time - found.value) <= kTolerance * step_time;
  const double lower = is_reached ? step_time : found.value;
  const double gap = is_reached ? 0.0 : (step_time - lower) / step_time;
  if (std::abs(stated.lower_bound_s() - lower) > kTolerance * step_time) {
    return Refuse("bound.lower_bound_s", absl::StrCat(stated.lower_bound_s(), ", is ", lower));
  }
  if (stated.has_gap() != (found.value > 0) ||
      (stated.has_gap() && std::abs(stated.gap() - gap) > kTolerance)) {
    return Refuse("bound.gap", absl::StrCat(stated.gap(), ", is ", gap));
  }
  if (stated.proof() != proof)
    return Refuse("bound.proof", absl::StrCat("\"", stated.proof(), "\", is \"", proof, "\""));
  return absl::OkStatus();
}

// Whether sums are deferred on an axis follows from its decisions.
absl::Status CheckSums(const SplitTask& task, const Decisions& decisions) {
  const Decisions derived = task.With(std::vector<bool>(task.problem->decisions().size()));
  for (size_t axis = 0; axis < decisions.axes.size(); ++axis) {
    const bool is_known = axis < derived.axes.size() &&
                          derived.axes[axis].sums_at_once == decisions.axes[axis].sums_at_once;
    if (!is_known) {
      return Refuse(absl::StrCat("mesh[", axis, "].sums_at_once"),
                    "does not follow from the decisions on the axis");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInputDims(const PreparedModule& module, const SplitProblem& problem,
                            const Decisions& decisions, const v1::Plan& plan) {
  v1::Plan expected;
  if (plan.strategy() == "adp") {
    const auto& splits = decisions.axes.back().splits;
    std::vector<bool> chosen;
    for (const SplitDecision& decision : problem.decisions()) {
      const auto& members = problem.groups().groups[decision.groups.front()].members;
      chosen.push_back(std::find(splits.begin(), splits.end(), members.front()) != splits.end());
    }
    FillInputDims(module, problem, chosen, expected);
  }
  for (int i = 0; i < std::max(plan.input_dims_size(), expected.input_dims_size()); ++i) {
    const bool agrees = i < plan.input_dims_size() && i < expected.input_dims_size() &&
                        google::protobuf::util::MessageDifferencer::Equals(plan.input_dims(i),
                                                                           expected.input_dims(i));
    if (!agrees)
      return Refuse(absl::StrCat("input_dims[", i, "]"), "does not follow from the splits");
  }
  return absl::OkStatus();
}

// The problem that the plan's last axis answers, to know how good it could have been.
absl::Status CheckBound(const PreparedModule& module, const Cluster& cluster,
                        const Decisions& decisions, const v1::Plan& plan) {
  const v1::Plan::Bound& stated = plan.bound();
  const double step_time = plan.cost().step_time_s();
  if (decisions.axes.empty()) {
    if (plan.input_dims_size() > 0) return Refuse("input_dims", "a single device splits none");
    return stated.lower_bound_s() == step_time && stated.gap() == 0 && stated.has_gap()
               ? absl::OkStatus()
               : Refuse("bound", "a single device has one plan");
  }
  const bool is_opp = plan.strategy() == "opp";
  SplitTaskOptions options = {plan.strategy(), is_opp ? decisions.axes.back().size : 0,
                              decisions.semantics, !decisions.semantics.paper_rule,
                              plan.semantics().ignore_memory()};
  ASSIGN_OR_RETURN(const SplitTask task, MakeSplitTask(module, cluster, options));
  if (task.problem == nullptr) return Refuse("mesh", "does not belong to the strategy");
  RETURN_IF_ERROR(CheckSums(task, decisions));
  RETURN_IF_ERROR(CheckInputDims(module, *task.problem, decisions, plan));
  if (ClaimsNothing(stated)) return absl::OkStatus();
  const SplitBound bound = BoundOf(*task.problem);
  return CheckStated(stated, bound.lower_bound, bound.proof, step_time);
}

// What can be known of a search without repeating it: the winner's row is this plan, and no row
// beats it. A plan that was passed on before the search was over says nothing of it.
absl::Status CheckSearch(const v1::Plan& plan) {
  const v1::Plan::Search& search = plan.search();
  const bool is_decided = plan.mesh_size() > 0 || plan.stages_size() > 0;
  if (!is_decided || !plan.has_search()) return absl::OkStatus();
  const bool goes_with_rule =
      search.preset() == (plan.semantics().paper_rule() ? "paper" : "default");
  const bool is_paper_adp = plan.strategy() == "adp" && search.preset() == "paper";
  if (!goes_with_rule && !is_paper_adp) {
    return Refuse("search.preset",
                  absl::StrCat("\"", search.preset(), "\" does not go with the semantics"));
  }
  bool has_winner = false;
  int64_t episodes = 0, decisions = 0;
  const bool by_time = plan.cost().fits() || plan.semantics().ignore_memory();
  for (int i = 0; i < search.engines_size(); ++i) {
    const v1::Plan::EngineResult& row = search.engines(i);
    const std::string path = absl::StrCat("search.engines[", i, "]");
    episodes += row.episodes();
    decisions += row.decisions();
    if (row.engine() == search.engine()) {
      has_winner = true;
      if (row.step_time_s() != plan.cost().step_time_s())
        return Refuse(path, "is the winner's, and is not this plan's time");
    }
    const bool counts = search.preset() == "default" && by_time && !plan.semantics().robust() &&
                        (row.fits() || plan.semantics().ignore_memory());
    if (counts && row.step_time_s() < plan.cost().step_time_s() * (1 - kTolerance))
      return Refuse(path, "is faster than the winner");
  }
  if (!has_winner)
    return Refuse("search.engine", absl::StrCat("\"", search.engine(), "\" has no row"));
  if (episodes != search.episodes())
    return Refuse("search.episodes", "is not the sum over the engines");
  if (decisions != search.decisions())
    return Refuse("search.decisions", "is not the sum over the engines");
  return absl::OkStatus();
}

// How good stages with splits inside could have been, and whether sums are deferred.
absl::Status CheckHybrid(const StepCosts& costs, const v1::Plan& plan) {
  ASSIGN_OR_RETURN(StageSplits splits,
                   StageSplits::Create(costs, {plan.mesh(0).size(), SemanticsOf(plan.semantics()),
                                               plan.semantics().ignore_memory()}));
  if (plan.mesh(0).sums_at_once() != splits.SumsAtOnce())
    return Refuse("mesh[0].sums_at_once", "does not follow from the decisions on the axis");
  if (ClaimsNothing(plan.bound())) return absl::OkStatus();
  const PipelineBound bound = splits.BoundOfStages(plan.stages_size());
  return CheckStated(plan.bound(), bound.lower_bound, bound.proof, plan.cost().step_time_s());
}

// A plan with stages, of a module or (`module` null) of a profile.
absl::Status VerifyPipeline(const PreparedModule* module, absl::string_view bytes,
                            const Cluster& cluster, const v1::Cluster& cluster_proto,
                            const v1::Plan& plan) {
  if (plan.input_dims_size() > 0) return Refuse("input_dims", "belongs to data parallelism");
  const int32_t micro_batches = plan.micro_batches();
  if (micro_batches < 1) return Refuse("micro_batches", "must be >= 1");
  PlannedChain planned;
  std::string digest;
  if (module != nullptr) {
    auto made = ChainOfPlan(*module, cluster, plan);
    if (!made.ok())
      return absl::FailedPreconditionError(absl::StrCat("plan.", made.status().message()));
    planned = *std::move(made);
  } else {
    ASSIGN_OR_RETURN(const LayerChain profile, ReadProfile(bytes));
    planned.chain = ChainOfMicroBatches(profile, micro_batches);
    digest = Sha256Hex(bytes);
  }
  const bool ignore_memory = plan.semantics().ignore_memory();
  const PipelineProblem problem(planned.chain, cluster,
                                {plan.stages_size(), micro_batches, ignore_memory});
  const auto cuts = CutsOf(problem, plan);
  if (!cuts.ok())
    return absl::FailedPreconditionError(absl::StrCat("plan.", cuts.status().message()));
  ASSIGN_OR_RETURN(const v1::Plan derived,
                   DescribePipelinePlan(module, digest, cluster_proto, problem, *cuts,
                                        plan.semantics(), planned.splits()));
  RETURN_IF_ERROR(Compare(plan, derived));
  if (planned.model) RETURN_IF_ERROR(CheckHybrid(*planned.costs, plan));
  if (planned.model || ClaimsNothing(plan.bound())) return CheckSearch(plan);
  const PipelineBound bound = SimulatedBoundOf(problem);
  RETURN_IF_ERROR(
      CheckStated(plan.bound(), bound.lower_bound, bound.proof, plan.cost().step_time_s()));
  return CheckSearch(plan);
}

}  // namespace

absl::Status VerifyModulePlan(absl::string_view bytes, const v1::Cluster& cluster_proto,
                              const v1::Plan& plan) {
  ASSIGN_OR_RETURN(const Cluster cluster, ClusterFromProto(cluster_proto));
  if (IsProfile(bytes)) return VerifyPipeline(nullptr, bytes, cluster, cluster_proto, plan);
  ASSIGN_OR_RETURN(const auto module,
                   PreparedModule::CreateWithProfile(bytes, plan.semantics().roles(),
                                                     plan.semantics().profile(), cluster));
  if (plan.stages_size() > 0)
    return VerifyPipeline(module.get(), bytes, cluster, cluster_proto, plan);
  const auto decisions = DecisionsOf(*module, plan);
  if (!decisions.ok())
    return absl::FailedPreconditionError(absl::StrCat("plan.", decisions.status().message()));
  const auto derived = DescribePlan(*module, cluster_proto, *decisions, plan.semantics());
  if (!derived.ok())
    return absl::FailedPreconditionError(absl::StrCat("plan: ", derived.status().message()));
  RETURN_IF_ERROR(Compare(plan, *derived));
  RETURN_IF_ERROR(CheckBound(*module, cluster, *decisions, plan));
  return CheckSearch(plan);
}

}  // namespace automap
