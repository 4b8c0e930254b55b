#include "planner/plan/decisions.h"

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
    const PropagationOptions options = {axis.size, decisions.semantics};
    auto propagation =
        std::make_unique<Propagation>(module.wiring(), options, applied.priors_.back().get());
    for (const ParameterDim& split : axis.splits) {
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
