// Which (parameter, dim) pairs are decided together: everything that follows from one decision.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "planner/graph/roles.h"
#include "planner/propagation/propagation.h"

namespace automap {

// A dim of an entry parameter, by the parameter's index in graph.parameters().
struct ParameterDim {
  int32_t parameter = -1;
  int32_t dim = 0;
  auto operator<=>(const ParameterDim&) const = default;
};

// Pairs that imply each other. Deciding one of them splits all, and everything in the closure.
struct LinkageGroup {
  std::vector<ParameterDim> members;  // sorted
  std::vector<int32_t>
      implied;  // other groups that follow from this one, but not the other way round
  // What the decision does: selected factors and split tensors, in order of propagation.
  std::vector<FactorId> factors;
  std::vector<int32_t> outers;  // of the factors' splits; empty without composite splits
  std::vector<TensorDim> tensors;
  std::vector<Cut> cuts;  // the decision is possible with these only; sorted
  // Groups with the same structure (same operations, shapes and wiring; repeated layers) share a
  // number.
  int32_t structure = -1;
};

struct InfeasibleDim {
  ParameterDim decision;
  Conflict conflict;  // of the decision alone
};

struct LinkageGroups {
  std::vector<LinkageGroup> groups;  // most members first, then by first member
  std::vector<InfeasibleDim> infeasible;
  // By group: the groups that it cannot be combined with, ascending. Symmetric.
  std::vector<std::vector<int32_t>> conflicts;
  // By structure: how many groups have it.
  std::vector<int32_t> copies;
};

// The groups of the dims of all parameters with `role`, on one axis. Each feasible pair is in
// exactly one group. One propagation per group and per infeasible pair, the latter stopping at the
// first that is known. With reshards allowed, decisions that conflict are cut free where at most
// kMaxCuts cuts do it.
LinkageGroups FindLinkageGroups(const Wiring& wiring, const Roles& roles, Role role,
                                const PropagationOptions& options,
                                const PriorSplits* prior = nullptr);

// The same in less time: each structure is -1, `copies` is empty.
LinkageGroups FindUnnumberedGroups(const Wiring& wiring, const Roles& roles, Role role,
                                   const PropagationOptions& options,
                                   const PriorSplits* prior = nullptr);

// Whether two groups select one factor, so that what they save does not add up.
bool AnyOverlap(const Wiring& wiring, absl::Span<const LinkageGroup> groups);

// By group: LinkageGroup::structure.
std::vector<int32_t> StructuresOf(const Wiring& wiring, absl::Span<const LinkageGroup> groups);

}  // namespace automap
