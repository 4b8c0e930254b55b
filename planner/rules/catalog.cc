#include "planner/rules/catalog.h"

#include <array>

#include "planner/rules/custom_calls.h"
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
    {Opcode::kAfterAll, WholeRule},
    {Opcode::kAllGather, ManualMoveRule},
    {Opcode::kAllGatherStart, StartRule},
    {Opcode::kAllReduce, ManualReduceRule},
    {Opcode::kAllReduceStart, ManualReduceRule},
    {Opcode::kAllToAll, ManualMoveRule},
    {Opcode::kBatchNormGrad, BatchNormRule},
    {Opcode::kBatchNormInference, BatchNormRule},
    {Opcode::kBatchNormTraining, BatchNormRule},
    {Opcode::kBitcast, BitcastRule},
    {Opcode::kBitcastConvert, BitcastConvertRule},
    {Opcode::kBroadcast, BroadcastRule},
    {Opcode::kCholesky, CholeskyRule},
    {Opcode::kCollectiveBroadcast, ManualReduceRule},
    {Opcode::kCollectivePermute, ManualReduceRule},
    {Opcode::kCollectivePermuteStart, StartRule},
    {Opcode::kConcatenate, ConcatenateRule},
    {Opcode::kConstant, WholeRule},
    {Opcode::kConvolution, ConvolutionRule},
    {Opcode::kCopyStart, StartRule},
    {Opcode::kCustomCall, CustomCallRule},
    {Opcode::kDot, DotRule},
    {Opcode::kDynamicReshape, ReshapeRule},
    {Opcode::kDynamicSlice, DynamicSliceRule},
    {Opcode::kDynamicUpdateSlice, DynamicUpdateSliceRule},
    {Opcode::kFft, FftRule},
    {Opcode::kGather, GatherRule},
    {Opcode::kGetDimensionSize, GetDimensionSizeRule},
    {Opcode::kInfeed, WholeRule},
    {Opcode::kIota, WholeRule},
    {Opcode::kOutfeed, WholeRule},
    {Opcode::kPad, PadRule},
    {Opcode::kPartitionId, WholeRule},
    {Opcode::kRaggedAllToAll, RaggedAllToAllRule},
    {Opcode::kRaggedDot, RaggedDotRule},
    {Opcode::kRecv, WholeRule},
    {Opcode::kReduce, ReduceRule},
    {Opcode::kReduceScatter, ManualMoveRule},
    {Opcode::kReduceWindow, ReduceWindowRule},
    {Opcode::kReplicaId, WholeRule},
    {Opcode::kReshape, ReshapeRule},
    {Opcode::kReverse, ReverseRule},
    {Opcode::kRng, WholeRule},
    {Opcode::kRngBitGenerator, WholeRule},
    {Opcode::kRngGetAndUpdateState, WholeRule},
    {Opcode::kScaledDot, ScaledDotRule},
    {Opcode::kScan, ScanRule},
    {Opcode::kScatter, ScatterRule},
    {Opcode::kSelectAndScatter, SelectAndScatterRule},
    {Opcode::kSend, WholeRule},
    {Opcode::kSetDimensionSize, SetDimensionSizeRule},
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
  const bool has_both = !graph.operands(node).empty() && !graph.results(node).empty();
  return (rule != nullptr && has_both ? rule : WholeRule)(FactorRuleBuilder(graph, node));
}

bool HasRule(Opcode opcode) { return RuleOf(opcode) != nullptr; }

bool IsUnsupported(const Graph& graph, NodeId node) {
  const Node& it = graph.node(node);
  if (it.opcode == Opcode::kCustomCall) return !IsKnownTarget(it.instruction->custom_call_target());
  return RuleOf(it.opcode) == nullptr;
}

}  // namespace automap
