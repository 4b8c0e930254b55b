#include <algorithm>

#include "absl/strings/str_join.h"
#include "planner/hlo/shape_checks.h"

namespace automap::shape_checks {

Complaint CheckDot(const Instruction& instruction, const Shapes& operands) {
  const auto& numbers = instruction.dot_dimension_numbers();
  const int left = Rank(*operands[0]), right = Rank(*operands[1]);
  Dims all_left = numbers.lhs_batch_dimensions(), all_right = numbers.rhs_batch_dimensions();
  all_left.MergeFrom(numbers.lhs_contracting_dimensions());
  all_right.MergeFrom(numbers.rhs_contracting_dimensions());
  RETURN_IF_BAD(CheckDims("dot_dimension_numbers.lhs", all_left, left));
  RETURN_IF_BAD(CheckDims("dot_dimension_numbers.rhs", all_right, right));
  if (numbers.lhs_batch_dimensions_size() != numbers.rhs_batch_dimensions_size() ||
      all_left.size() != all_right.size()) {
    return Bad("dot_dimension_numbers", "must pair dimensions of both sides");
  }
  std::vector<int64_t> expected;
  for (int i = 0; i < all_left.size(); ++i) {
    if (!IsDynamic(*operands[0]) && !IsDynamic(*operands[1]) &&
        operands[0]->dimensions(all_left[i]) != operands[1]->dimensions(all_right[i])) {
      return Bad("dot_dimension_numbers",
                 absl::StrCat("pairs size ", operands[0]->dimensions(all_left[i]), " with ",
                              operands[1]->dimensions(all_right[i]), ", must be equal"));
    }
    if (i < numbers.lhs_batch_dimensions_size())
      expected.push_back(operands[0]->dimensions(all_left[i]));
  }
  for (int side = 0; side < 2; ++side) {
    const Dims& taken = side == 0 ? all_left : all_right;
    for (int dim = 0; dim < Rank(*operands[side]); ++dim) {
      if (std::count(taken.begin(), taken.end(), dim) == 0)
        expected.push_back(operands[side]->dimensions(dim));
    }
  }
  const bool fits =
      IsDynamic(instruction.shape()) || IsDynamic(*operands[0]) || IsDynamic(*operands[1])
          ? Rank(instruction.shape()) == static_cast<int>(expected.size())
          : std::equal(expected.begin(), expected.end(), instruction.shape().dimensions().begin(),
                       instruction.shape().dimensions().end());
  return fits ? Complaint{}
              : WrongShape(instruction.shape(),
                           absl::StrCat("[", absl::StrJoin(expected, ","), "]"));
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
