// A node of a graph as several devices run it by its rule, and as one runs it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/rules/factor_rule.h"
#include "tests/support/interpreter/operation.h"

namespace automap::interpreter {

// The results of a node from whole operands, settled. The node must be evaluable.
std::vector<Array> RunWhole(const Graph& graph, NodeId node, const std::vector<Array>& operands);

// The whole results when `factor` of `rule` is split `parts` ways: each device gets its block of
// every operand that contains the factor and all of the others, computes its block of every result
// that contains it, and the others are equal on all devices or, for a sum, combined by the node's
// reducer. `parts` divides every dim of the factor. An error when devices disagree.
absl::StatusOr<std::vector<Array>> RunSplit(const Graph& graph, NodeId node, const FactorRule& rule,
                                            int factor, int64_t parts,
                                            const std::vector<Array>& operands);

// The dim of the factor in each operand and then each result of the node, -1 where it is not.
std::vector<int> DimsOfFactor(const Graph& graph, NodeId node, const FactorRule& rule, int factor);

// Runs the whole graph on one device, from parameters that follow from `seed`. Loops run at most
// twice, of the branches of a conditional the last one counts. Calls visit(node, operands, results)
// after each node.
using Visit = std::function<void(NodeId, const std::vector<Array>&, const std::vector<Array>&)>;
void RunGraph(const Graph& graph, uint64_t seed, const Visit& visit);

}  // namespace automap::interpreter
