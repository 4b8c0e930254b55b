// What a plan decides, and the propagations that follow from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/plan/prepared_module.h"
#include "planner/propagation/linkage_groups.h"
#include "simulator/program.h"

namespace automap {

// The splits that one mesh axis makes; everything else follows by propagation.
struct AxisDecisions {
  std::string name;
  int32_t size = 1;
  std::vector<ParameterDim> splits;
  std::vector<Cut> cuts = {};  // sorted
  // Sums are combined where they arise although the semantics would defer them: decisions whose
  // consequences overlap would not add up.
  bool sums_at_once = false;
  bool operator==(const AxisDecisions&) const = default;
};

// Axes, major first, over the first devices of the cluster.
struct Decisions {
  std::vector<AxisDecisions> axes;
  Semantics semantics = {};
  bool operator==(const Decisions&) const = default;

  Mesh mesh() const;
};

// The finished propagation of one axis, with the cuts that it looks at.
struct AppliedAxis {
  std::unique_ptr<Cuts> cuts;
  std::unique_ptr<Propagation> propagation;
};

// Splits in the order of parameters, after those of `prior`, which must outlive the result.
// FAILED_PRECONDITION with the conflict in words when the decisions do not go together.
absl::StatusOr<AppliedAxis> ApplyAxis(const PreparedModule& module, const AxisDecisions& axis,
                                      Semantics semantics, const PriorSplits& prior);

// One finished propagation per axis, in order; later axes see the splits of the earlier ones.
class AppliedDecisions {
 public:
  // Errors as ApplyAxis.
  static absl::StatusOr<AppliedDecisions> Create(const PreparedModule& module,
                                                 const Decisions& decisions);

  std::vector<const Propagation*> axes() const;
  // Splits of all axes; for an axis that comes after them.
  const PriorSplits& splits() const { return *splits_; }

 private:
  std::vector<AppliedAxis> axes_;
  std::vector<std::unique_ptr<PriorSplits>> priors_;
  std::unique_ptr<PriorSplits> splits_ = std::make_unique<PriorSplits>();
};

}  // namespace automap
