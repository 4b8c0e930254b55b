// Says in words why a split is impossible, and what led to it.
#pragma once

#include <string>
#include <vector>

#include "planner/propagation/linkage_groups.h"

namespace automap {

// "TWO_FACTORS at dot.399 (f32[64,4096] x f32[4096,1000] -> f32[64,1000]): ...".
std::string Describe(const Graph& graph, const Conflict& conflict);

// A conflict among several decisions, found whatever the order of work: all consequences are
// followed to the end, and the conflicting node that comes first in the graph is named.
struct Explanation {
  Conflict conflict;
  // For each of the two demands, the steps from a decision to it, one line each; one chain when the
  // conflict needs only one demand.
  std::vector<std::vector<std::string>> chains;
};

// Nothing when the decisions go together. O(consequences).
std::optional<Explanation> ExplainConflict(const Wiring& wiring, const Roles& roles,
                                           const PropagationOptions& options,
                                           const std::vector<ParameterDim>& decisions,
                                           const PriorSplits* prior = nullptr,
                                           const Cuts* cuts = nullptr);

// Why a decision is infeasible by itself, and the parameter dims that are for the same reason: they
// follow from it and it from them.
struct InfeasibleSet {
  Explanation explanation;
  std::vector<ParameterDim> decisions;
};

// Nothing when it is feasible. O(consequences).
std::optional<InfeasibleSet> ExplainInfeasible(const Wiring& wiring, const Roles& roles,
                                               const PropagationOptions& options,
                                               ParameterDim decision);

// The steps from one of `decisions` to a split of `place`, one line each; empty when it does not
// follow from them. O(consequences).
std::vector<std::string> ExplainSplitOf(const Wiring& wiring, const Roles& roles,
                                        const PropagationOptions& options,
                                        const std::vector<ParameterDim>& decisions,
                                        ParameterDim place, const PriorSplits* prior = nullptr,
                                        const Cuts* cuts = nullptr);

}  // namespace automap
