#include "tests/support/interpreter/operation.h"

#include <set>

#include "tests/support/interpreter/scalars.h"

namespace automap::interpreter {
namespace {

using Evaluator = std::vector<Array> (*)(const Operation&);

Evaluator EvaluatorOf(Opcode opcode) {
  if (IsElementwise(opcode)) return EvaluateElementwise;
  switch (opcode) {
    case Opcode::kAllGather:
    case Opcode::kAllReduce:
    case Opcode::kAllToAll:
    case Opcode::kBitcast:
    case Opcode::kBitcastConvert:
    case Opcode::kBroadcast:
    case Opcode::kCollectiveBroadcast:
    case Opcode::kCollectivePermute:
    case Opcode::kConcatenate:
    case Opcode::kConstant:
    case Opcode::kDynamicReshape:
    case Opcode::kIota:
    case Opcode::kPad:
    case Opcode::kReduceScatter:
    case Opcode::kReshape:
    case Opcode::kReverse:
    case Opcode::kRng:
    case Opcode::kRngBitGenerator:
    case Opcode::kRngGetAndUpdateState:
    case Opcode::kSetDimensionSize:
    case Opcode::kSlice:
    case Opcode::kTranspose:
      return EvaluateDataMovement;
    case Opcode::kConvolution:
    case Opcode::kDot:
    case Opcode::kRaggedDot:
    case Opcode::kScaledDot:
      return EvaluateContraction;
    case Opcode::kReduce:
    case Opcode::kReduceWindow:
    case Opcode::kScan:
    case Opcode::kSelectAndScatter:
    case Opcode::kSort:
    case Opcode::kTopk:
      return EvaluateReduction;
    case Opcode::kDynamicSlice:
    case Opcode::kDynamicUpdateSlice:
    case Opcode::kGather:
    case Opcode::kScatter:
      return EvaluateIndexed;
    case Opcode::kCholesky:
    case Opcode::kFft:
    case Opcode::kTriangularSolve:
      return EvaluateMatrices;
    case Opcode::kBatchNormGrad:
    case Opcode::kBatchNormInference:
    case Opcode::kBatchNormTraining:
      return EvaluateBatchNorm;
    default:
      return nullptr;
  }
}

// Calls that hand their operand on.
bool IsIdentityCall(Opcode opcode, const xla::HloInstructionProto& instruction) {
  static const auto* targets = new std::set<std::string>{"Sharding", "xla.sdy.FuncResultSharding",
                                                         "LayoutConstraint", "MoveToHost"};
  return opcode == Opcode::kCustomCall && targets->contains(instruction.custom_call_target());
}

}  // namespace

bool IsEvaluable(Opcode opcode, const xla::HloInstructionProto& instruction) {
  return EvaluatorOf(opcode) != nullptr || IsIdentityCall(opcode, instruction);
}

std::vector<Array> Evaluate(const Operation& operation) {
  if (operation.opcode == Opcode::kCustomCall) return EvaluateElementwise(operation);
  return EvaluatorOf(operation.opcode)(operation);
}

bool IsArithmetic(Opcode opcode) {
  switch (opcode) {
    case Opcode::kConvert:
    case Opcode::kCopy:
    case Opcode::kSelect:
    case Opcode::kWhile:
    case Opcode::kConditional:
    case Opcode::kClamp:
    case Opcode::kCustomCall:
    case Opcode::kGather:
    case Opcode::kDynamicSlice:
    case Opcode::kDynamicUpdateSlice:
    case Opcode::kSort:
    case Opcode::kTopk:
      return false;
    case Opcode::kBitcastConvert:
      return true;
    default:
      return EvaluatorOf(opcode) != EvaluateDataMovement;
  }
}

std::vector<Array> EvaluateElementwise(const Operation& operation) {
  const Block& result = operation.results[0];
  std::vector<int> types;
  for (const Block& operand : operation.operands) types.push_back(operand.array.type);
  std::vector<Number> arguments(operation.operands.size());
  return {result.Filled([&](const Dims& index) -> Number {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Block& operand = operation.operands[i];
      arguments[i] = operand.At(operand.rank() == 0 ? Dims{} : index);
      if (IsAbsent(arguments[i])) return kAbsent;
    }
    switch (operation.opcode) {
      case Opcode::kWhile:
      case Opcode::kConditional:
      case Opcode::kCustomCall:
        return arguments[0];
      case Opcode::kMap:
        return Apply(*operation.graph, *operation.instruction, 0, arguments)[0];
      default:
        return ElementwiseValue(operation.opcode, *operation.instruction, arguments, types);
    }
  })};
}

}  // namespace automap::interpreter
