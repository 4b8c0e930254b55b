// What each opcode's rule says, as letters.
#pragma once

#include <string>
#include <vector>

#include "planner/hlo/opcode.h"

namespace automap {

// One operation and its rule: one letter per dim, operands with commas, then the results. Factors
// are a, b, ... in the order of their first dim; a capital one is summed, ~ marks a halo, # a whole
// dim, . a scalar.
struct RuleCase {
  std::string name;
  std::string parameters;   // shapes of p0, p1, ...
  std::string instruction;  // the operation
  std::string expected;
};

// At least one for every opcode that is a node of the graph.
std::vector<RuleCase> RuleCases();

// A module of the case's parameters and, as its last node, its operation.
std::string ModuleOf(const RuleCase& it);

}  // namespace automap
