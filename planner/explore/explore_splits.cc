#include "planner/explore/explore_splits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/plan/describe_plan.h"

namespace automap {
namespace {

absl::Status CheckRole(const PreparedModule& module, Role role) {
  const auto& roles = module.roles().of;
  if (std::find(roles.begin(), roles.end(), role) != roles.end()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("no parameter has the role ", RoleName(role),
                   "; see `automap inspect` and give roles with --roles"));
}

// Splits inputs over `replicas` devices that are `axis_size` apart; nothing when that saves no
// time.
absl::StatusOr<Decisions> DataDecisions(const PreparedModule& module, const Cluster& cluster,
                                        int32_t replicas, const SplitTaskOptions& options) {
  Decisions none, decisions;
  none.semantics = decisions.semantics = options.semantics;
  Mesh mesh = {{{kDataAxis, replicas}, {kModelAxis, options.axis_size}}, 0};
  ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(cluster, mesh));
  ASSIGN_OR_RETURN(const AppliedDecisions nothing, AppliedDecisions::Create(module, none));
  SplitProblem problem(module, model, nothing, 0,
                       {Role::kInput, kDataAxis, replicas, options.semantics, false, true});
  problem.Price();
  const SplitBound bound = BoundOf(problem);
  if (bound.best.empty() || !(problem.StepTime(bound.best) < problem.base_time())) return none;
  decisions.axes.push_back(problem.Decide(bound.best));
  return decisions;
}

}  // namespace

Decisions SplitTask::With(const std::vector<bool>& chosen) const {
  Decisions decisions = outer;
  if (problem != nullptr) {
    decisions.axes.push_back(problem->Decide(chosen));
  }
  return decisions;
}

absl::StatusOr<SplitTask> MakeSplitTask(const PreparedModule& module, const Cluster& cluster,
                                        const SplitTaskOptions& given,
                                        const std::function<void(const SplitTask&)>& unpriced) {
  SplitTaskOptions options = given;
  const bool is_opp = options.strategy == "opp";
  const int32_t devices = cluster.device_count();
  if (!is_opp || options.axis_size == 0) options.axis_size = devices;
  if (options.axis_size < 0 || devices % options.axis_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat("options.axis_size: ", options.axis_size,
                                                   ", must divide the number of devices, ",
                                                   devices));
  }
  const Role role = is_opp ? Role::kVariable : Role::kInput;
  RETURN_IF_ERROR(CheckRole(module, role));
  SplitTask task;
  task.outer.semantics = options.semantics;
  if (options.axis_size > 1 && devices > options.axis_size) {
    ASSIGN_OR_RETURN(task.outer,
                     DataDecisions(module, cluster, devices / options.axis_size, options));
  }
  ASSIGN_OR_RETURN(AppliedDecisions applied, AppliedDecisions::Create(module, task.outer));
  task.applied = std::make_unique<AppliedDecisions>(std::move(applied));
  if (options.axis_size == 1) return task;
  Mesh mesh = task.outer.mesh();
  const int32_t axis = mesh.axes.size();
  mesh.axes.push_back({is_opp ? kModelAxis : kDataAxis, options.axis_size});
  ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(cluster, mesh));
  task.problem = std::make_unique<SplitProblem>(
      module, model, *task.applied, axis,
      SplitProblemOptions{role, mesh.axes.back().name, options.axis_size, options.semantics,
                          options.fold_copies, options.ignore_memory});
  if (unpriced) unpriced(task);
  task.problem->Price();
  return task;
}

}  // namespace automap
