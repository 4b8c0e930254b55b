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
// As a reshape of the dims in their order in memory.
FactorRule BitcastRule(FactorRuleBuilder rule);
FactorRule ReverseRule(FactorRuleBuilder rule);
FactorRule SliceRule(FactorRuleBuilder rule);
FactorRule PadRule(FactorRuleBuilder rule);
FactorRule ConcatenateRule(FactorRuleBuilder rule);
FactorRule DynamicSliceRule(FactorRuleBuilder rule);
FactorRule DynamicUpdateSliceRule(FactorRuleBuilder rule);
// The size of a dim is the same whichever block of another one a device has.
FactorRule GetDimensionSizeRule(FactorRuleBuilder rule);
// Operand 0 and the result alike, but for the dim whose size is set.
FactorRule SetDimensionSizeRule(FactorRuleBuilder rule);

FactorRule ReduceRule(FactorRuleBuilder rule);
FactorRule ReduceWindowRule(FactorRuleBuilder rule);
FactorRule SelectAndScatterRule(FactorRuleBuilder rule);
FactorRule SortRule(FactorRuleBuilder rule);
FactorRule TopKRule(FactorRuleBuilder rule);
FactorRule ScanRule(FactorRuleBuilder rule);
FactorRule BatchNormRule(FactorRuleBuilder rule);

FactorRule DotRule(FactorRuleBuilder rule);
FactorRule RaggedDotRule(FactorRuleBuilder rule);
FactorRule ScaledDotRule(FactorRuleBuilder rule);
FactorRule ConvolutionRule(FactorRuleBuilder rule);
FactorRule CholeskyRule(FactorRuleBuilder rule);
FactorRule TriangularSolveRule(FactorRuleBuilder rule);
FactorRule FftRule(FactorRuleBuilder rule);

FactorRule GatherRule(FactorRuleBuilder rule);
FactorRule ScatterRule(FactorRuleBuilder rule);

// Collectives that the user wrote: all-reduce and the like keep every dim; all-gather and the like
// need the dims that they name whole.
FactorRule ManualReduceRule(FactorRuleBuilder rule);
FactorRule ManualMoveRule(FactorRuleBuilder rule);
FactorRule RaggedAllToAllRule(FactorRuleBuilder rule);
// The first half of a split operation: results of the operand's shape are the operand; of its rank,
// where dims are named, they are like it in the other dims.
FactorRule StartRule(FactorRuleBuilder rule);

}  // namespace automap
