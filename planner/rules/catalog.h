// Which rule describes which opcode. To add one: write it in a family's file, add its row in
// catalog.cc.
#pragma once

#include "planner/rules/factor_rule.h"

namespace automap {

// The rule of a node. O(slots x rank). Opcodes without a rule, and those whose operands must be
// whole, have no factors.
FactorRule RuleFor(const Graph& graph, NodeId node);

// Whether an opcode has a rule. Those without are no nodes, or not known.
bool HasRule(Opcode opcode);

// Whether the node has no rule of its own and is therefore replicated: unknown opcodes, custom
// calls without a row.
bool IsUnsupported(const Graph& graph, NodeId node);

}  // namespace automap
