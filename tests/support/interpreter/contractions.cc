#include <algorithm>

#include "planner/rules/dim_list.h"
#include "tests/support/interpreter/operation.h"

namespace automap::interpreter {
namespace {

using Instruction = xla::HloInstructionProto;

// Which result dim a free or batch dim of either side is; -1 for contracted ones.
struct DotDims {
  Dims lhs, rhs;
};

DotDims ResultDims(const xla::DotDimensionNumbers& numbers, int lhs_rank, int rhs_rank,
                   int64_t first, const DimList& rhs_left_out = {}) {
  DotDims dims = {Dims(lhs_rank, -1), Dims(rhs_rank, -1)};
  int64_t out = first;
  for (int i = 0; i < numbers.lhs_batch_dimensions_size(); ++i, ++out) {
    dims.lhs[numbers.lhs_batch_dimensions(i)] = out;
    dims.rhs[numbers.rhs_batch_dimensions(i)] = out;
  }
  for (const int64_t dim :
       Others(lhs_rank, numbers.lhs_batch_dimensions(), numbers.lhs_contracting_dimensions())) {
    dims.lhs[dim] = out++;
  }
  for (const int64_t dim :
       Others(rhs_rank, numbers.rhs_batch_dimensions(), numbers.rhs_contracting_dimensions())) {
    if (!Contains(rhs_left_out, dim)) dims.rhs[dim] = out++;
  }
  return dims;
}

// Calls visit(left, right) for every pair of places that contribute to `index` of the result; the
// contracted dims run over what the device holds of lhs.
template <typename Visit>
void ForEachPair(const xla::DotDimensionNumbers& numbers, const Block& lhs, const Block& rhs,
                 const DotDims& dims, const Dims& index, const Visit& visit) {
  Dims left(lhs.rank()), right(rhs.rank()), ranges;
  for (int d = 0; d < lhs.rank(); ++d) left[d] = dims.lhs[d] < 0 ? 0 : index[dims.lhs[d]];
  for (int d = 0; d < rhs.rank(); ++d) right[d] = dims.rhs[d] < 0 ? 0 : index[dims.rhs[d]];
  const auto& contracted = numbers.lhs_contracting_dimensions();
  for (const int64_t dim : contracted) ranges.push_back(lhs.array.dims[dim]);
  ForEachIndex(ranges, [&](const Dims& k) {
    for (int i = 0; i < contracted.size(); ++i) {
      left[contracted[i]] = lhs.begin(contracted[i]) + k[i];
      right[numbers.rhs_contracting_dimensions(i)] = left[contracted[i]];
    }
    visit(left, right);
  });
}

Array Dot(const Operation& it) {
  const auto& numbers = it.instruction->dot_dimension_numbers();
  const Block &lhs = it.operands[0], &rhs = it.operands[1];
  const DotDims dims = ResultDims(numbers, lhs.rank(), rhs.rank(), 0);
  // A scale holds one number for a block of its operand's places in each dim.
  const auto scale = [&](const Block& operand, const Block& scales, Dims place) -> Number {
    if (scales.rank() == 0) return scales.At({});
    for (int d = 0; d < scales.rank(); ++d) {
      place[d] = place[d] * scales.whole[d] / operand.whole[d];
    }
    return scales.At(place);
  };
  const bool is_scaled = it.opcode == Opcode::kScaledDot;
  return it.results[0].Filled([&](const Dims& index) {
    Number sum = 0;
    ForEachPair(numbers, lhs, rhs, dims, index, [&](const Dims& left, const Dims& right) {
      Number product = lhs.At(left) * rhs.At(right);
      if (is_scaled) {
        product *= scale(lhs, it.operands[2], left) * scale(rhs, it.operands[3], right);
      }
      sum += product;
    });
    return sum;
  });
}

// The group that place `row` of the ragged dim is in: sizes are cumulated; beyond all, none (-1);
// -2 where the device does not hold the sizes.
int64_t GroupOf(const Block& sizes, Dims list, int64_t row) {
  double end = 0;
  list.push_back(0);
  for (int64_t group = 0; group < sizes.whole.back(); ++group) {
    list.back() = group;
    if (IsAbsent(sizes.At(list))) return -2;
    end += std::max(0.0, sizes.At(list).real());
    if (row < end) return group;
  }
  return -1;
}

Array RaggedDot(const Operation& it) {
  const auto& ragged = it.instruction->ragged_dot_dimension_numbers();
  const auto& numbers = ragged.dot_dimension_numbers();
  const int64_t dim = ragged.lhs_ragged_dimensions(0);
  const Block &lhs = it.operands[0], &rhs = it.operands[1], &sizes = it.operands[2];
  const bool adds_groups = Contains(numbers.lhs_contracting_dimensions(), dim);
  const DotDims dims = ResultDims(numbers, lhs.rank(), rhs.rank(), adds_groups ? 1 : 0,
                                  ragged.rhs_group_dimensions());
  return it.results[0].Filled([&](const Dims& index) {
    Number sum = 0;
    ForEachPair(numbers, lhs, rhs, dims, index, [&](const Dims& left, Dims right) {
      Dims list;  // the batch place in front of the groups, where sizes have it
      for (int i = 0; i + 1 < sizes.rank(); ++i) {
        list.push_back(left[numbers.lhs_batch_dimensions(i)]);
      }
      const int64_t group = GroupOf(sizes, list, left[dim]);
      if (group == -2) sum = kAbsent;
      if (group < 0 || (adds_groups && group != index[0])) return;
      for (const int64_t d : ragged.rhs_group_dimensions()) right[d] = group;
      sum += lhs.At(left) * rhs.At(right);
    });
    return sum;
  });
}

int64_t OneIfUnset(int64_t value) { return std::max<int64_t>(1, value); }

// Where the window's place `k` over output place `y` meets the input, or -1.
int64_t InputPlace(const xla::WindowDimension& window, int64_t k, int64_t y, int64_t size) {
  const int64_t base_dilation = OneIfUnset(window.base_dilation());
  if (window.window_reversal()) k = OneIfUnset(window.size()) - 1 - k;
  const int64_t place = y * OneIfUnset(window.stride()) - window.padding_low() +
                        k * OneIfUnset(window.window_dilation());
  if (place < 0 || place % base_dilation != 0 || place / base_dilation >= size) return -1;
  return place / base_dilation;
}

Number ConvolvedAt(const Operation& it, const Dims& index) {
  const Instruction& instruction = *it.instruction;
  const auto& numbers = instruction.convolution_dimension_numbers();
  const Block &lhs = it.operands[0], &rhs = it.operands[1];
  const int64_t feature = index[numbers.output_feature_dimension()];
  const int64_t outputs = rhs.whole[numbers.kernel_output_feature_dimension()];
  const int64_t inputs = rhs.whole[numbers.kernel_input_feature_dimension()];
  const int64_t group = feature / (outputs / OneIfUnset(instruction.feature_group_count()));
  const int64_t batch_groups = OneIfUnset(instruction.batch_group_count());
  Number sum = 0;
  rhs.ForEach([&](const Dims& right) {
    if (right[numbers.kernel_output_feature_dimension()] != feature) return;
    Dims left(lhs.rank());
    left[numbers.input_batch_dimension()] =
        index[numbers.output_batch_dimension()] +
        feature / (outputs / batch_groups) *
            (lhs.whole[numbers.input_batch_dimension()] / batch_groups);
    left[numbers.input_feature_dimension()] =
        group * inputs + right[numbers.kernel_input_feature_dimension()];
    for (int i = 0; i < numbers.input_spatial_dimensions_size(); ++i) {
      const int64_t dim = numbers.input_spatial_dimensions(i);
      left[dim] = InputPlace(instruction.window().dimensions(i),
                             right[numbers.kernel_spatial_dimensions(i)],
                             index[numbers.output_spatial_dimensions(i)], lhs.whole[dim]);
      if (left[dim] < 0) return;
    }
    sum += lhs.At(left) * rhs.At(right);
  });
  return sum;
}

}  // namespace

std::vector<Array> EvaluateContraction(const Operation& it) {
  if (it.opcode == Opcode::kRaggedDot) return {RaggedDot(it)};
  if (it.opcode != Opcode::kConvolution) return {Dot(it)};
  const auto& numbers = it.instruction->convolution_dimension_numbers();
  const int64_t output = numbers.kernel_output_feature_dimension();
  // A device that does not hold the kernel of a result's feature cannot compute it.
  return {it.results[0].Filled([&](const Dims& index) -> Number {
    const int64_t feature = index[numbers.output_feature_dimension()];
    const Block& rhs = it.operands[1];
    if (feature < rhs.begin(output) || feature >= rhs.end(output)) return kAbsent;
    return ConvolvedAt(it, index);
  })};
}

}  // namespace automap::interpreter
