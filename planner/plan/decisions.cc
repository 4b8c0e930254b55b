#include "planner/plan/decisions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "planner/propagation/explain.h"

namespace automap {

Mesh Decisions::mesh() const {
  Mesh mesh;
  for (const AxisDecisions& axis : axes) mesh.axes.push_back({axis.name, axis.size});
  return mesh;
}

absl::StatusOr<AppliedDecisions> AppliedDecisions::Create(const PreparedModule& module,
                                                          const Decisions& decisions) {
  AppliedDecisions applied;
  for (const AxisDecisions& axis : decisions.axes) {
    applied.priors_.push_back(std::make_unique<PriorSplits>(*applied.splits_));
    PropagationOptions options = {axis.size, decisions.semantics};
    if (axis.sums_at_once) options.semantics.deferred_sums = false;
    auto propagation =
        std::make_unique<Propagation>(module.wiring(), options, applied.priors_.back().get());
    applied.cuts_.push_back(std::make_unique<Cuts>(module.wiring()));
    for (const Cut& cut : axis.cuts) applied.cuts_.back()->Add(cut);
    propagation->SetCuts(applied.cuts_.back().get());
    std::vector<ParameterDim> splits = axis.splits;
    std::sort(splits.begin(), splits.end());
    for (const ParameterDim& split : splits) {
      const TensorId tensor = module.graph().parameters()[split.parameter].tensor;
      if (const auto conflict = propagation->Split({tensor, split.dim})) {
        return absl::FailedPreconditionError(absl::StrCat(
            "axis ", axis.name, ": ", module.roles().names[split.parameter], " dim ", split.dim,
            " cannot be split with the others: ", Describe(module.graph(), *conflict)));
      }
    }
    *applied.splits_ = WithSplits(*applied.splits_, *propagation);
    applied.axes_.push_back(std::move(propagation));
  }
  return applied;
}

std::vector<const Propagation*> AppliedDecisions::axes() const {
  std::vector<const Propagation*> axes;
  for (const auto& axis : axes_) axes.push_back(axis.get());
  return axes;
}

}  // namespace automap
