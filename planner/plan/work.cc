#include "planner/plan/work.h"

#include <algorithm>
#include <cmath>

#include "planner/plan/convolution_work.h"

namespace automap {
namespace {

constexpr double kFusedMultiplyAdd = 2;
constexpr int kMostNestedCalls = 32;

Arithmetic operator*(Arithmetic one, double times) {
  return {one.flops * times, one.transcendentals * times};
}

Arithmetic operator+(Arithmetic a, Arithmetic b) {
  return {a.flops + b.flops, a.transcendentals + b.transcendentals};
}

double Elements(const Tensor& tensor) {
  double count = 1;
  for (const int64_t size : tensor.shape()) count *= size;
  return count;
}

bool IsTranscendental(Opcode opcode) {
  switch (opcode) {
    case Opcode::kAtan2:
    case Opcode::kCbrt:
    case Opcode::kCosine:
    case Opcode::kErf:
    case Opcode::kExponential:
    case Opcode::kExponentialMinusOne:
    case Opcode::kLog:
    case Opcode::kLogPlusOne:
    case Opcode::kLogistic:
    case Opcode::kPower:
    case Opcode::kRsqrt:
    case Opcode::kSine:
    case Opcode::kSqrt:
    case Opcode::kTan:
    case Opcode::kTanh:
      return true;
    default:
      return false;
  }
}

bool CountsElements(Opcode opcode) {
  return TraitsOf(opcode).kind == OpcodeKind::kElementwise || opcode == Opcode::kBitcastConvert;
}

// What one execution of an applied computation does. Its values are scalars as a rule.
Arithmetic ArithmeticOf(const Graph& graph, const ComputationIndex* computation, int depth = 0) {
  Arithmetic sum;
  if (computation == nullptr || depth > kMostNestedCalls) return sum;
  for (int32_t i = 0; i < computation->size(); ++i) {
    const Opcode opcode = computation->opcodes[i];
    const xla::HloInstructionProto& instruction = computation->instruction(i);
    double elements = 1;
    for (const int64_t size : instruction.shape().dimensions()) elements *= size;
    if (IsTranscendental(opcode)) {
      sum.transcendentals += elements;
    } else if (CountsElements(opcode)) {
      sum.flops += elements;
    } else if (opcode == Opcode::kCall || opcode == Opcode::kFusion) {
      sum = sum + ArithmeticOf(graph, graph.Callee(instruction, 0), depth + 1);
    }
  }
  return sum;
}

double DotFlops(const Graph& graph, NodeId node) {
  const Tensor& lhs = graph.tensor(graph.operands(node)[0]);
  double contracted = 1;
  const auto& numbers = graph.node(node).instruction->dot_dimension_numbers();
  for (const int64_t dim : numbers.lhs_contracting_dimensions()) contracted *= lhs.dims[dim];
  return kFusedMultiplyAdd * Elements(graph.tensor(graph.results(node)[0])) * contracted;
}

double ConvolutionFlops(const Graph& graph, NodeId node) {
  const auto& instruction = *graph.node(node).instruction;
  const Tensor& input = graph.tensor(graph.operands(node)[0]);
  const Tensor& output = graph.tensor(graph.results(node)[0]);
  const auto& numbers = instruction.convolution_dimension_numbers();
  double positions = 1;
  for (int i = 0; i < instruction.window().dimensions_size(); ++i) {
    positions *= static_cast<double>(ValidPositions(
        instruction.window().dimensions(i), input.dims[numbers.input_spatial_dimensions(i)],
        output.dims[numbers.output_spatial_dimensions(i)]));
  }
  const int64_t groups = std::max<int64_t>(1, instruction.feature_group_count());
  const int64_t batches = std::max<int64_t>(1, instruction.batch_group_count());
  const double features = input.dims[numbers.input_feature_dimension()] / groups;
  const double batch = input.dims[numbers.input_batch_dimension()] / batches;
  return kFusedMultiplyAdd * features * output.dims[numbers.output_feature_dimension()] * batch *
         positions;
}

double WindowElements(const xla::Window& window) {
  double count = 1;
  for (const auto& dimension : window.dimensions()) count *= std::max<int64_t>(1, dimension.size());
  return count;
}

double FftFlops(const xla::HloInstructionProto& instruction, double elements) {
  constexpr double kPerComplexMultiplication = 4;
  double logs = 1;
  for (const int64_t length : instruction.fft_length())
    logs *= std::floor(std::log2(std::max<int64_t>(1, length)));
  return kFusedMultiplyAdd * kPerComplexMultiplication * logs * elements;
}

double LastDim(const Tensor& tensor) { return tensor.rank > 0 ? tensor.dims[tensor.rank - 1] : 1; }

// Operations that apply a computation many times over.
Arithmetic Applied(const Graph& graph, NodeId node, double result) {
  const auto& instruction = *graph.node(node).instruction;
  const Arithmetic one = ArithmeticOf(graph, graph.Callee(instruction, 0));
  const auto operand = [&](size_t i) { return Elements(graph.tensor(graph.operands(node)[i])); };
  switch (graph.node(node).opcode) {
    case Opcode::kReduce:
      return one * std::max(0.0, operand(0) - result);
    case Opcode::kReduceWindow:
      return one * ((WindowElements(instruction.window()) - 1) * result);
    case Opcode::kSelectAndScatter: {
      const double source = operand(1);
      return one * (source * (WindowElements(instruction.window()) - 1)) +
             ArithmeticOf(graph, graph.Callee(instruction, 1)) * source;
    }
    case Opcode::kScatter:
      return one * operand(graph.operands(node).size() - 1);
    default:
      return one * result;  // map
  }
}

}  // namespace

Arithmetic ArithmeticOf(const Graph& graph, NodeId node) {
  if (graph.results(node).empty()) return {};
  const double result = Elements(graph.tensor(graph.results(node)[0]));
  const auto operand = [&](int i) -> const Tensor& {
    return graph.tensor(graph.operands(node)[i]);
  };
  const Opcode opcode = graph.node(node).opcode;
  switch (opcode) {
    case Opcode::kDot:
      return {DotFlops(graph, node)};
    case Opcode::kConvolution:
      return {ConvolutionFlops(graph, node)};
    case Opcode::kReduce:
    case Opcode::kReduceWindow:
    case Opcode::kSelectAndScatter:
    case Opcode::kScatter:
    case Opcode::kMap:
      return Applied(graph, node, result);
    case Opcode::kSort: {
      const double elements = Elements(operand(0));
      return {elements * std::ceil(std::log2(std::max(1.0, elements)))};
    }
    case Opcode::kFft:
      return {FftFlops(*graph.node(node).instruction, result)};
    case Opcode::kTriangularSolve:
      return {kFusedMultiplyAdd * Elements(operand(1)) * LastDim(operand(0))};
    case Opcode::kCholesky:
      return {Elements(operand(0)) * LastDim(operand(0)) / 3};
    case Opcode::kAllReduce:
      return {result};
    case Opcode::kRng:
    case Opcode::kRngBitGenerator:
      return {0, result};
    default:
      if (IsTranscendental(opcode)) return {0, result};
      return {CountsElements(opcode) ? result : 0};
  }
}

Flops FlopsOf(const Graph& graph, NodeId node) { return {ArithmeticOf(graph, node).flops}; }

bool IsGenerator(Opcode opcode) {
  return opcode == Opcode::kBroadcast || opcode == Opcode::kIota || opcode == Opcode::kConstant;
}

bool IsCheapMap(Opcode opcode) {
  if (opcode == Opcode::kWhile || opcode == Opcode::kConditional) return false;
  if (IsElementwise(opcode) || IsGenerator(opcode)) return true;
  switch (opcode) {
    case Opcode::kTranspose:
    case Opcode::kSlice:
    case Opcode::kPad:
    case Opcode::kReverse:
    case Opcode::kConcatenate:
    case Opcode::kDynamicSlice:
    case Opcode::kBitcastConvert:
    case Opcode::kReshape:
      return true;
    default:
      return false;
  }
}

}  // namespace automap
