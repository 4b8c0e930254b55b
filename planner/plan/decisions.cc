#include "planner/plan/decisions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/propagation/explain.h"

namespace automap {

Mesh Decisions::mesh() const {
  Mesh mesh;
  for (const AxisDecisions& axis : axes) mesh.axes.push_back({axis.name, axis.size});
  return mesh;
}

absl::StatusOr<AppliedAxis> ApplyAxis(const PreparedModule& module, const AxisDecisions& axis,
                                      Semantics semantics, const PriorSplits& prior) {
  if (axis.sums_at_once) semantics.deferred_sums = false;
  AppliedAxis applied = {std::make_unique<Cuts>(module.wiring()),
                         std::make_unique<Propagation>(
                             module.wiring(), PropagationOptions{axis.size, semantics}, &prior)};
  for (const Cut& cut : axis.cuts) applied.cuts->Add(cut);
  applied.propagation->SetCuts(applied.cuts.get());
  std::vector<ParameterDim> splits = axis.splits;
  std::sort(splits.begin(), splits.end());
  for (const ParameterDim& split : splits) {
    const TensorId tensor = module.graph().parameters()[split.parameter].tensor;
    if (const auto conflict = applied.propagation->Split({tensor, split.dim})) {
      return absl::FailedPreconditionError(absl::StrCat(
          "axis ", axis.name, ": ", module.roles().names[split.parameter], " dim ", split.dim,
          " cannot be split with the others: ", Describe(module.graph(), *conflict)));
    }
  }
  return applied;
}

absl::StatusOr<AppliedDecisions> AppliedDecisions::Create(const PreparedModule& module,
                                                          const Decisions& decisions) {
  AppliedDecisions applied;
  for (const AxisDecisions& axis : decisions.axes) {
    applied.priors_.push_back(std::make_unique<PriorSplits>(*applied.splits_));
    ASSIGN_OR_RETURN(AppliedAxis made,
                     ApplyAxis(module, axis, decisions.semantics, *applied.priors_.back()));
    *applied.splits_ = WithSplits(*applied.splits_, *made.propagation);
    applied.axes_.push_back(std::move(made));
  }
  return applied;
}

std::vector<const Propagation*> AppliedDecisions::axes() const {
  std::vector<const Propagation*> axes;
  for (const AppliedAxis& axis : axes_) axes.push_back(axis.propagation.get());
  return axes;
}

}  // namespace automap
