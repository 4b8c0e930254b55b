#include <algorithm>

#include "planner/hlo/shape_checks.h"

namespace automap::shape_checks {

Complaint CheckGather(const Instruction& instruction, const Shapes& operands) {
  const auto& numbers = instruction.gather_dimension_numbers();
  const int rank = Rank(*operands[0]), out = Rank(instruction.shape());
  const int64_t vector_dim = numbers.index_vector_dim();
  if (vector_dim < 0 || vector_dim > Rank(*operands[1]))
    return Bad("gather_dimension_numbers.index_vector_dim",
               absl::StrCat(vector_dim, ", must be a dimension of the indices"));
  Dims taken = numbers.collapsed_slice_dims();
  taken.MergeFrom(numbers.operand_batching_dims());
  RETURN_IF_BAD(CheckDims("gather_dimension_numbers.collapsed_slice_dims", taken, rank));
  RETURN_IF_BAD(
      CheckDims("gather_dimension_numbers.start_index_map", numbers.start_index_map(), rank));
  RETURN_IF_BAD(CheckDims("gather_dimension_numbers.start_indices_batching_dims",
                          numbers.start_indices_batching_dims(), Rank(*operands[1])));
  RETURN_IF_BAD(CheckDims("gather_dimension_numbers.offset_dims", numbers.offset_dims(), out));
  if (numbers.operand_batching_dims_size() != numbers.start_indices_batching_dims_size())
    return Bad("gather_dimension_numbers", "must pair batching dimensions");
  if (instruction.gather_slice_sizes_size() != rank)
    return Bad("gather_slice_sizes",
               absl::StrCat("must be one for each of the operand's ", rank, " dimensions"));
  if (numbers.offset_dims_size() != rank - taken.size())
    return Bad("gather_dimension_numbers.offset_dims",
               "must be one for each dimension that is neither collapsed nor batched");
  const int batch = Rank(*operands[1]) - (vector_dim < Rank(*operands[1]) ? 1 : 0);
  return out == batch + numbers.offset_dims_size()
             ? Complaint{}
             : WrongShape(instruction.shape(),
                          absl::StrCat("of rank ", batch + numbers.offset_dims_size()));
}

Complaint CheckScatter(const Instruction& instruction, const Shapes& operands) {
  if (operands.size() % 2 == 0)
    return Bad("operand_ids", "must be operands, indices and as many updates");
  const auto& numbers = instruction.scatter_dimension_numbers();
  const size_t n = operands.size() / 2;
  const xla::ShapeProto &operand = *operands[0], &indices = *operands[n],
                        &update = *operands[n + 1];
  const int64_t vector_dim = numbers.index_vector_dim();
  if (vector_dim < 0 || vector_dim > Rank(indices))
    return Bad("scatter_dimension_numbers.index_vector_dim",
               absl::StrCat(vector_dim, ", must be a dimension of the indices"));
  Dims taken = numbers.inserted_window_dims();
  taken.MergeFrom(numbers.input_batching_dims());
  RETURN_IF_BAD(CheckDims("scatter_dimension_numbers.inserted_window_dims", taken, Rank(operand)));
  RETURN_IF_BAD(CheckDims("scatter_dimension_numbers.scatter_dims_to_operand_dims",
                          numbers.scatter_dims_to_operand_dims(), Rank(operand)));
  RETURN_IF_BAD(CheckDims("scatter_dimension_numbers.scatter_indices_batching_dims",
                          numbers.scatter_indices_batching_dims(), Rank(indices)));
  RETURN_IF_BAD(CheckDims("scatter_dimension_numbers.update_window_dims",
                          numbers.update_window_dims(), Rank(update)));
  if (numbers.input_batching_dims_size() != numbers.scatter_indices_batching_dims_size())
    return Bad("scatter_dimension_numbers", "must pair batching dimensions");
  if (numbers.update_window_dims_size() != Rank(operand) - taken.size())
    return Bad("scatter_dimension_numbers.update_window_dims",
               "must be one for each dimension that is neither inserted nor batched");
  const int batch = Rank(indices) - (vector_dim < Rank(indices) ? 1 : 0);
  if (Rank(update) != batch + numbers.update_window_dims_size())
    return Bad(absl::StrCat("operand_ids[", n + 1, "]"),
               absl::StrCat("updates of rank ", Rank(update), ", must be ",
                            batch + numbers.update_window_dims_size()));
  if (ResultCount(instruction) != static_cast<int>(n))
    return Bad("shape", "must have one result for each operand");
  for (size_t i = 0; i < n; ++i) {
    if (!SameDims(*operands[i], operand) || !SameDims(Result(instruction, i), operand))
      return Bad("shape", "must be the operands'");
    if (!SameDims(*operands[n + 1 + i], update))
      return Bad(absl::StrCat("operand_ids[", n + 1 + i, "]"),
                 "must have the shape of the first update");
  }
  return {};
}

}  // namespace automap::shape_checks
