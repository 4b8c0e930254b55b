#include <algorithm>

#include "absl/strings/str_join.h"
#include "planner/hlo/shape_checks.h"

namespace automap::shape_checks {

namespace {

// The pairs of a dot, and the sizes that its result has: batch, free of lhs, free of rhs.
Complaint CheckPairs(const xla::DotDimensionNumbers& numbers, const Shapes& operands,
                     std::vector<int64_t>& expected) {
  Dims all_left = numbers.lhs_batch_dimensions(), all_right = numbers.rhs_batch_dimensions();
  all_left.MergeFrom(numbers.lhs_contracting_dimensions());
  all_right.MergeFrom(numbers.rhs_contracting_dimensions());
  RETURN_IF_BAD(CheckDims("dot_dimension_numbers.lhs", all_left, Rank(*operands[0])));
  RETURN_IF_BAD(CheckDims("dot_dimension_numbers.rhs", all_right, Rank(*operands[1])));
  if (numbers.lhs_batch_dimensions_size() != numbers.rhs_batch_dimensions_size() ||
      all_left.size() != all_right.size()) {
    return Bad("dot_dimension_numbers", "must pair dimensions of both sides");
  }
  const bool is_dynamic = IsDynamic(*operands[0]) || IsDynamic(*operands[1]);
  for (int i = 0; i < all_left.size(); ++i) {
    const int64_t left = operands[0]->dimensions(all_left[i]);
    const int64_t right = operands[1]->dimensions(all_right[i]);
    if (!is_dynamic && left != right) {
      return Bad("dot_dimension_numbers",
                 absl::StrCat("pairs size ", left, " with ", right, ", must be equal"));
    }
    if (i < numbers.lhs_batch_dimensions_size()) expected.push_back(left);
  }
  for (int side = 0; side < 2; ++side) {
    const Dims& taken = side == 0 ? all_left : all_right;
    for (int dim = 0; dim < Rank(*operands[side]); ++dim) {
      if (std::count(taken.begin(), taken.end(), dim) > 0) continue;
      expected.push_back(operands[side]->dimensions(dim));
    }
  }
  return {};
}

Complaint CheckResult(const Instruction& instruction, const Shapes& operands,
                      const std::vector<int64_t>& expected) {
  const auto& dims = instruction.shape().dimensions();
  const bool is_dynamic =
      IsDynamic(instruction.shape()) || IsDynamic(*operands[0]) || IsDynamic(*operands[1]);
  const bool fits = is_dynamic
                        ? dims.size() == static_cast<int>(expected.size())
                        : std::equal(expected.begin(), expected.end(), dims.begin(), dims.end());
  if (fits) return {};
  return WrongShape(instruction.shape(), absl::StrCat("[", absl::StrJoin(expected, ","), "]"));
}

}  // namespace

Complaint CheckDot(const Instruction& instruction, const Shapes& operands) {
  std::vector<int64_t> expected;
  RETURN_IF_BAD(CheckPairs(instruction.dot_dimension_numbers(), operands, expected));
  return CheckResult(instruction, operands, expected);
}

Complaint CheckScaledDot(const Instruction& instruction, const Shapes& operands) {
  for (int side = 0; side < 2; ++side) {
    const int rank = Rank(*operands[side + 2]);
    if (rank != 0 && rank != Rank(*operands[side])) {
      return Bad(absl::StrCat("operand_ids[", side + 2, "]"), "must have its operand's rank");
    }
  }
  return CheckDot(instruction, operands);
}

// One ragged dim of lhs; groups are a dim of the result where it is contracted, else one of rhs.
Complaint CheckRaggedDot(const Instruction& instruction, const Shapes& operands) {
  const std::string field = "ragged_dot_dimension_numbers";
  const auto& ragged = instruction.ragged_dot_dimension_numbers();
  const auto& numbers = ragged.dot_dimension_numbers();
  RETURN_IF_BAD(CheckDims(field + ".lhs_ragged_dimensions", ragged.lhs_ragged_dimensions(),
                          Rank(*operands[0])));
  RETURN_IF_BAD(CheckDims(field + ".rhs_group_dimensions", ragged.rhs_group_dimensions(),
                          Rank(*operands[1])));
  if (ragged.lhs_ragged_dimensions_size() != 1) {
    return Bad(field + ".lhs_ragged_dimensions", "must be one dimension");
  }
  if (Rank(*operands[2]) < 1) return Bad("operand_ids[2]", "must have a dimension of groups");
  std::vector<int64_t> expected;
  RETURN_IF_BAD(CheckPairs(numbers, operands, expected));
  for (const int64_t group : ragged.rhs_group_dimensions()) {
    const auto is_group = [&](const Dims& dims) {
      return std::count(dims.begin(), dims.end(), group) > 0;
    };
    if (is_group(numbers.rhs_batch_dimensions()) ||
        is_group(numbers.rhs_contracting_dimensions())) {
      return Bad(field + ".rhs_group_dimensions", "must be neither batch nor contracted");
    }
  }
  const auto& contracted = numbers.lhs_contracting_dimensions();
  const bool adds_groups =
      std::count(contracted.begin(), contracted.end(), ragged.lhs_ragged_dimensions(0)) > 0;
  const int rank = static_cast<int>(expected.size()) + (adds_groups ? 1 : 0) -
                   ragged.rhs_group_dimensions_size();
  if (Rank(instruction.shape()) == rank) return {};
  return WrongShape(instruction.shape(), absl::StrCat("of rank ", rank));
}

Complaint CheckConvolution(const Instruction& instruction, const Shapes& operands) {
  const auto& numbers = instruction.convolution_dimension_numbers();
  const auto check = [&](absl::string_view side, int64_t a, int64_t b, const Dims& spatial,
                         const xla::ShapeProto& shape) {
    Dims all = spatial;
    all.Add(a);
    all.Add(b);
    if (all.size() != Rank(shape))
      return Bad(absl::StrCat("convolution_dimension_numbers.", side),
                 absl::StrCat(all.size(), " dimensions, must be ", Rank(shape)));
    return CheckDims(absl::StrCat("convolution_dimension_numbers.", side), all, Rank(shape));
  };
  RETURN_IF_BAD(check("input", numbers.input_batch_dimension(), numbers.input_feature_dimension(),
                      numbers.input_spatial_dimensions(), *operands[0]));
  RETURN_IF_BAD(check("kernel", numbers.kernel_input_feature_dimension(),
                      numbers.kernel_output_feature_dimension(),
                      numbers.kernel_spatial_dimensions(), *operands[1]));
  RETURN_IF_BAD(check("output", numbers.output_batch_dimension(),
                      numbers.output_feature_dimension(), numbers.output_spatial_dimensions(),
                      Result(instruction)));
  const int spatial = numbers.input_spatial_dimensions_size();
  if (numbers.kernel_spatial_dimensions_size() != spatial ||
      numbers.output_spatial_dimensions_size() != spatial) {
    return Bad("convolution_dimension_numbers",
               "must have as many spatial dimensions on every side");
  }
  return CheckWindow(instruction, spatial);
}

}  // namespace automap::shape_checks
