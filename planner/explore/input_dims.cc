#include "planner/explore/input_dims.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/propagation/explain.h"

namespace automap {
namespace {

// Why a decision that could be made was not.
std::string ReasonLeft(const PreparedModule& module, const SplitProblem& problem,
                       const std::vector<bool>& chosen, int32_t decision) {
  const SplitDecision& left = problem.decisions()[decision];
  for (const int32_t other : left.conflicts) {
    if (!chosen[other]) continue;
    const ParameterDim& rival =
        problem.groups().groups[problem.decisions()[other].groups.front()].members.front();
    return absl::StrCat("excluded by dim ", rival.dim, " of ",
                        module.roles().names[rival.parameter], ", which is split");
  }
  if (left.gain.value <= 0) {
    return absl::StrFormat("would gain nothing: %.3g ms a step, communication %.3g ms of it",
                           left.gain.value * 1e3, -left.communication.value * 1e3);
  }
  return "left whole";
}

}  // namespace

void FillInputDims(const PreparedModule& module, const SplitProblem& problem,
                   const std::vector<bool>& chosen, v1::Plan& plan) {
  const Graph& graph = module.graph();
  const LinkageGroups& groups = problem.groups();
  std::map<ParameterDim, int32_t> decision_of;
  for (size_t d = 0; d < problem.decisions().size(); ++d) {
    for (const int32_t group : problem.decisions()[d].groups) {
      for (const ParameterDim& member : groups.groups[group].members) decision_of[member] = d;
    }
  }
  std::map<ParameterDim, const Conflict*> infeasible;
  for (const InfeasibleDim& item : groups.infeasible) infeasible[item.decision] = &item.conflict;
  for (int32_t p = 0; p < static_cast<int32_t>(graph.parameters().size()); ++p) {
    if (module.roles().of[p] != Role::kInput) continue;
    const Tensor& tensor = graph.tensor(graph.parameters()[p].tensor);
    for (int32_t dim = 0; dim < tensor.rank; ++dim) {
      v1::Plan::InputDim& entry = *plan.add_input_dims();
      entry.set_parameter_number(graph.parameters()[p].number);
      entry.set_name(module.roles().names[p]);
      entry.set_dim(dim);
      entry.set_size(tensor.dims[dim]);
      const auto decision = decision_of.find({p, dim});
      const auto conflict = infeasible.find({p, dim});
      if (decision != decision_of.end() && chosen[decision->second]) {
        entry.set_is_split(true);
      } else if (decision != decision_of.end()) {
        entry.set_reason(ReasonLeft(module, problem, chosen, decision->second));
      } else if (conflict != infeasible.end()) {
        entry.set_reason(Describe(graph, *conflict->second));
      } else if (graph.readers(graph.parameters()[p].tensor).empty()) {
        entry.set_reason("nothing reads it");
      } else {
        entry.set_reason("follows from the other inputs");
      }
    }
  }
}

}  // namespace automap
