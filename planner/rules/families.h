// The rule functions, by family; catalog.cc says which opcode uses which. Notation of the comments:
// letters are factors, `+` marks a sum, `~` a halo, `#` a dimension that stays whole.
#pragma once

#include "planner/rules/factor_rule.h"

namespace automap {

// Same shape in and out: x[ab], y[ab] -> z[ab]. Scalars beside arrays carry nothing.
FactorRule ElementwiseRule(FactorRuleBuilder rule);
// As elementwise, but for the minor dimension where the widths differ.
FactorRule BitcastConvertRule(FactorRuleBuilder rule);
// Every dimension whole: nothing is split through this operation.
FactorRule WholeRule(FactorRuleBuilder rule);

FactorRule BroadcastRule(FactorRuleBuilder rule);
FactorRule TransposeRule(FactorRuleBuilder rule);
FactorRule ReshapeRule(FactorRuleBuilder rule);
FactorRule ReverseRule(FactorRuleBuilder rule);
FactorRule SliceRule(FactorRuleBuilder rule);
FactorRule PadRule(FactorRuleBuilder rule);
FactorRule ConcatenateRule(FactorRuleBuilder rule);
FactorRule DynamicSliceRule(FactorRuleBuilder rule);
FactorRule DynamicUpdateSliceRule(FactorRuleBuilder rule);

FactorRule ReduceRule(FactorRuleBuilder rule);
FactorRule ReduceWindowRule(FactorRuleBuilder rule);
FactorRule SelectAndScatterRule(FactorRuleBuilder rule);
FactorRule SortRule(FactorRuleBuilder rule);
FactorRule TopKRule(FactorRuleBuilder rule);
FactorRule BatchNormRule(FactorRuleBuilder rule);

FactorRule DotRule(FactorRuleBuilder rule);
FactorRule ConvolutionRule(FactorRuleBuilder rule);
FactorRule CholeskyRule(FactorRuleBuilder rule);
FactorRule TriangularSolveRule(FactorRuleBuilder rule);
FactorRule FftRule(FactorRuleBuilder rule);

FactorRule GatherRule(FactorRuleBuilder rule);
FactorRule ScatterRule(FactorRuleBuilder rule);

}  // namespace automap
