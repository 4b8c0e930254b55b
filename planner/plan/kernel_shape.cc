#include "planner/plan/kernel_shape.h"

#include <algorithm>
#include <cmath>

#include "planner/graph/element_type.h"

namespace automap {
namespace {

constexpr int kWinogradPlaces = 3;
constexpr double kWinogradTile = 4;

// Size of an operand's dim on one device.
class CutDims {
 public:
  CutDims(const Graph& graph, NodeId node, absl::Span<const double> cuts)
      : graph_(graph), node_(node), cuts_(cuts) {}

  double operator()(int operand, int64_t dim) const {
    const double size = tensor(operand).dims[dim];
    if (cuts_.empty()) return size;
    const int64_t place = (operand > 0 ? tensor(0).rank : 0) + dim;
    return std::max(1.0, size / cuts_[place]);
  }
  const Tensor& tensor(int operand) const { return graph_.tensor(graph_.operands(node_)[operand]); }

 private:
  const Graph& graph_;
  const NodeId node_;
  const absl::Span<const double> cuts_;
};

template <typename Dims>
bool Contains(const Dims& dims, int64_t dim) {
  return std::find(dims.begin(), dims.end(), dim) != dims.end();
}

KernelShape DotShape(const CutDims& size, const xla::DotDimensionNumbers& numbers) {
  KernelShape shape = {.rows = 1, .columns = 1};
  for (int64_t dim = 0; dim < size.tensor(0).rank; ++dim) {
    if (Contains(numbers.lhs_batch_dimensions(), dim)) {
      shape.batch *= size(0, dim);
    } else if (!Contains(numbers.lhs_contracting_dimensions(), dim)) {
      shape.rows *= size(0, dim);
    }
  }
  for (int64_t dim = 0; dim < size.tensor(1).rank; ++dim) {
    const bool is_free = !Contains(numbers.rhs_batch_dimensions(), dim) &&
                         !Contains(numbers.rhs_contracting_dimensions(), dim);
    if (is_free) shape.columns *= size(1, dim);
  }
  return shape;
}

// How much the tiles of 4 places cover over what there is, or 0 when the window is another.
double WinogradPadding(const xla::Window& window, const Tensor& result,
                       const xla::ConvolutionDimensionNumbers& numbers) {
  double padding = window.dimensions_size() == 2 ? 1 : 0;
  for (int i = 0; i < window.dimensions_size(); ++i) {
    const xla::WindowDimension& dim = window.dimensions(i);
    const int64_t output = result.dims[numbers.output_spatial_dimensions(i)];
    const int64_t least = std::min<int64_t>(dim.size(), output);
    const double most = static_cast<double>(std::max<int64_t>(dim.size(), output));
    if (least != kWinogradPlaces || dim.stride() > 1 || dim.window_dilation() > 1 ||
        dim.base_dilation() > 1) {
      return 0;
    }
    padding *= std::ceil(most / kWinogradTile) * kWinogradTile / most;
  }
  return padding;
}

KernelShape ConvolutionShape(const Graph& graph, NodeId node, const CutDims& size) {
  const auto& instruction = *graph.node(node).instruction;
  const auto& numbers = instruction.convolution_dimension_numbers();
  const Tensor& result = graph.tensor(graph.results(node)[0]);
  double window = 1, places = 1;
  for (int i = 0; i < instruction.window().dimensions_size(); ++i) {
    const int64_t dim = numbers.input_spatial_dimensions(i);
    window *= instruction.window().dimensions(i).size();
    places *=
        size(0, dim) / size.tensor(0).dims[dim] * result.dims[numbers.output_spatial_dimensions(i)];
  }
  const double images = size(0, numbers.input_batch_dimension());
  const double out = size(1, numbers.kernel_output_feature_dimension());
  // The gradient of filters slides the results' gradients over the inputs: the result is filters,
  // with the inputs' channels where images are otherwise.
  const bool makes_filters = window > places;
  const double in = makes_filters ? images : size(1, numbers.kernel_input_feature_dimension());
  KernelShape shape = {.rows = images * places, .columns = out};
  shape.channels = 2 * in * out / (in + out);
  shape.winograd_padding = WinogradPadding(instruction.window(), result, numbers);
  shape.filters = Bytes{ElementBits(result.type) / 8.0 * in * out * std::min(window, places)};
  return shape;
}

}  // namespace

KernelShape KernelShapeOf(const Graph& graph, NodeId node, absl::Span<const double> cuts) {
  const CutDims size(graph, node, cuts);
  switch (graph.node(node).opcode) {
    case Opcode::kDot:
      return DotShape(size, graph.node(node).instruction->dot_dimension_numbers());
    case Opcode::kConvolution:
      return ConvolutionShape(graph, node, size);
    default:
      return {};
  }
}

}  // namespace automap
