#include "planner/rules/catalog.h"

#include <array>

#include "planner/rules/families.h"

namespace automap {
namespace {

using RuleFunction = FactorRule (*)(FactorRuleBuilder);

struct Row {
  Opcode opcode;
  RuleFunction rule;
};

// One row per opcode with a rule; element-wise operations share theirs. Tuples, calls and the like
// are no nodes.
constexpr Row kRows[] = {
    {Opcode::kBatchNormGrad, BatchNormRule},
    {Opcode::kBatchNormInference, BatchNormRule},
    {Opcode::kBatchNormTraining, BatchNormRule},
    {Opcode::kBitcastConvert, BitcastConvertRule},
    {Opcode::kBroadcast, BroadcastRule},
    {Opcode::kCholesky, CholeskyRule},
    {Opcode::kConcatenate, ConcatenateRule},
    {Opcode::kConstant, WholeRule},
    {Opcode::kConvolution, ConvolutionRule},
    {Opcode::kDot, DotRule},
    {Opcode::kDynamicSlice, DynamicSliceRule},
    {Opcode::kDynamicUpdateSlice, DynamicUpdateSliceRule},
    {Opcode::kFft, FftRule},
    {Opcode::kGather, GatherRule},
    {Opcode::kIota, WholeRule},
    {Opcode::kPad, PadRule},
    {Opcode::kReduce, ReduceRule},
    {Opcode::kReduceWindow, ReduceWindowRule},
    {Opcode::kReshape, ReshapeRule},
    {Opcode::kReverse, ReverseRule},
    {Opcode::kRng, WholeRule},
    {Opcode::kRngBitGenerator, WholeRule},
    {Opcode::kRngGetAndUpdateState, WholeRule},
    {Opcode::kScatter, ScatterRule},
    {Opcode::kSelectAndScatter, SelectAndScatterRule},
    {Opcode::kSlice, SliceRule},
    {Opcode::kSort, SortRule},
    {Opcode::kTopk, TopKRule},
    {Opcode::kTranspose, TransposeRule},
    {Opcode::kTriangularSolve, TriangularSolveRule},
};

std::array<RuleFunction, kOpcodeCount + 1> MakeTable() {
  std::array<RuleFunction, kOpcodeCount + 1> table = {};
  for (int opcode = 0; opcode < kOpcodeCount; ++opcode) {
    if (IsElementwise(static_cast<Opcode>(opcode))) table[opcode] = ElementwiseRule;
  }
  for (const Row& row : kRows) table[static_cast<int>(row.opcode)] = row.rule;
  return table;
}

RuleFunction RuleOf(Opcode opcode) {
  static const std::array<RuleFunction, kOpcodeCount + 1> table = MakeTable();
  return table[static_cast<int>(opcode)];
}

}  // namespace

FactorRule RuleFor(const Graph& graph, NodeId node) {
  const RuleFunction rule = RuleOf(graph.node(node).opcode);
  return (rule != nullptr ? rule : WholeRule)(FactorRuleBuilder(graph, node));
}

bool IsUnsupported(const Graph& graph, NodeId node) {
  return RuleOf(graph.node(node).opcode) == nullptr;
}

}  // namespace automap
