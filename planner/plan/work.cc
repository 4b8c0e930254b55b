#include "planner/plan/work.h"

#include <algorithm>

namespace automap {
namespace {

double Elements(const Tensor& tensor) {
  double count = 1;
  for (const int64_t size : tensor.shape()) count *= size;
  return count;
}

double DotFlops(const Graph& graph, NodeId node) {
  const Tensor& lhs = graph.tensor(graph.operands(node)[0]);
  double contracted = 1;
  const auto& numbers = graph.node(node).instruction->dot_dimension_numbers();
  for (const int64_t dim : numbers.lhs_contracting_dimensions()) contracted *= lhs.dims[dim];
  return 2 * Elements(graph.tensor(graph.results(node)[0])) * contracted;
}

double ConvolutionFlops(const Graph& graph, NodeId node) {
  const auto& instruction = *graph.node(node).instruction;
  const Tensor& kernel = graph.tensor(graph.operands(node)[1]);
  const auto& numbers = instruction.convolution_dimension_numbers();
  double per_output = Elements(kernel) /
                      std::max<int64_t>(1, kernel.dims[numbers.kernel_output_feature_dimension()]);
  for (const auto& dimension : instruction.window().dimensions()) {
    per_output /= std::max<int64_t>(1, dimension.base_dilation());
  }
  return 2 * Elements(graph.tensor(graph.results(node)[0])) * per_output;
}

double WindowElements(const xla::Window& window) {
  double count = 1;
  for (const auto& dimension : window.dimensions()) count *= std::max<int64_t>(1, dimension.size());
  return count;
}

}  // namespace

Flops FlopsOf(const Graph& graph, NodeId node) {
  if (graph.results(node).empty()) return {0};
  const double result = Elements(graph.tensor(graph.results(node)[0]));
  switch (graph.node(node).opcode) {
    case Opcode::kDot:
      return {DotFlops(graph, node)};
    case Opcode::kConvolution:
      return {ConvolutionFlops(graph, node)};
    case Opcode::kReduce:
      return {Elements(graph.tensor(graph.operands(node)[0]))};
    case Opcode::kReduceWindow:
    case Opcode::kSelectAndScatter:
      return {result * WindowElements(graph.node(node).instruction->window())};
    default:
      return {result};
  }
}

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
