#include <algorithm>

#include "planner/hlo/shape_checks.h"

namespace automap::shape_checks {

Complaint CheckElementwise(Opcode opcode, const Instruction& instruction, const Shapes& operands) {
  for (size_t i = 0; i < operands.size(); ++i) {
    const bool may_be_scalar =
        (opcode == Opcode::kSelect && i == 0) || (opcode == Opcode::kClamp && i != 1);
    if (may_be_scalar && Rank(*operands[i]) == 0) continue;
    if (!SameDims(*operands[i], instruction.shape()))
      return WrongShape(instruction.shape(),
                        absl::StrCat("that of operand ", i, ", ", Text(*operands[i])));
  }
  return {};
}

Complaint CheckBroadcast(const Instruction& instruction, const Shapes& operands) {
  if (instruction.dimensions_size() != Rank(*operands[0]))
    return Bad("dimensions", "one for each dimension of the operand");
  RETURN_IF_BAD(CheckDims("dimensions", instruction.dimensions(), Rank(instruction.shape())));
  for (int i = 0; i < instruction.dimensions_size() && !IsDynamic(instruction.shape()); ++i) {
    const int64_t size = operands[0]->dimensions(i);
    if (size != 1 && instruction.shape().dimensions(instruction.dimensions(i)) != size) {
      return WrongShape(instruction.shape(), absl::StrCat("of the operand's size in dimension ",
                                                          instruction.dimensions(i)));
    }
  }
  return {};
}

Complaint CheckTranspose(const Instruction& instruction, const Shapes& operands) {
  const int rank = Rank(*operands[0]);
  if (instruction.dimensions_size() != rank || Rank(instruction.shape()) != rank)
    return Bad("dimensions", "must be a permutation of the operand's dimensions");
  RETURN_IF_BAD(CheckDims("dimensions", instruction.dimensions(), rank));
  for (int i = 0; i < rank && !IsDynamic(instruction.shape()); ++i) {
    if (instruction.shape().dimensions(i) != operands[0]->dimensions(instruction.dimensions(i)))
      return WrongShape(instruction.shape(), "the permuted operand's");
  }
  return {};
}

double Elements(const xla::ShapeProto& shape) {
  double count = 1;
  for (const int64_t size : shape.dimensions()) count *= size;
  return count;
}

Complaint CheckReshape(const Instruction& instruction, const Shapes& operands) {
  if (IsDynamic(instruction.shape()) || IsDynamic(*operands[0])) return {};
  return Elements(instruction.shape()) == Elements(*operands[0])
             ? Complaint{}
             : WrongShape(instruction.shape(),
                          absl::StrCat("of as many elements as ", Text(*operands[0])));
}

Complaint CheckSameRank(const Instruction& instruction, const Shapes& operands) {
  return Rank(instruction.shape()) == Rank(*operands[0])
             ? Complaint{}
             : WrongShape(instruction.shape(), "of the operand's rank");
}

Complaint CheckPad(const Instruction& instruction, const Shapes& operands) {
  RETURN_IF_BAD(CheckSameRank(instruction, operands));
  if (instruction.padding_config().dimensions_size() != Rank(*operands[0]))
    return Bad("padding_config.dimensions", "must be one for each dimension");
  return {};
}

Complaint CheckSlice(const Instruction& instruction, const Shapes& operands) {
  RETURN_IF_BAD(CheckSameRank(instruction, operands));
  if (instruction.slice_dimensions_size() != Rank(*operands[0]))
    return Bad("slice_dimensions", "must be one for each dimension");
  for (int i = 0; i < instruction.slice_dimensions_size() && !IsDynamic(*operands[0]); ++i) {
    const auto& slice = instruction.slice_dimensions(i);
    if (slice.start() < 0 || slice.limit() > operands[0]->dimensions(i) ||
        slice.start() > slice.limit() || slice.stride() < 1) {
      return Bad(absl::StrCat("slice_dimensions[", i, "]"),
                 absl::StrCat("[", slice.start(), ":", slice.limit(), ":", slice.stride(),
                              "], must lie within ", operands[0]->dimensions(i)));
    }
    const int64_t size = (slice.limit() - slice.start() + slice.stride() - 1) / slice.stride();
    if (!IsDynamic(instruction.shape()) && instruction.shape().dimensions(i) != size)
      return WrongShape(instruction.shape(), absl::StrCat("of size ", size, " in dimension ", i));
  }
  return {};
}

Complaint CheckConcatenate(const Instruction& instruction, const Shapes& operands) {
  if (instruction.dimensions_size() != 1) return Bad("dimensions", "must be one dimension");
  const int rank = Rank(instruction.shape());
  RETURN_IF_BAD(CheckDims("dimensions", instruction.dimensions(), rank));
  for (const xla::ShapeProto* operand : operands) {
    if (Rank(*operand) != rank) return WrongShape(instruction.shape(), "of the operands' rank");
    for (int dim = 0; dim < rank && !IsDynamic(instruction.shape()) && !IsDynamic(*operand);
         ++dim) {
      if (dim != instruction.dimensions(0) &&
          operand->dimensions(dim) != instruction.shape().dimensions(dim))
        return WrongShape(instruction.shape(), absl::StrCat("the operands' in dimension ", dim));
    }
  }
  return {};
}

Complaint CheckFitsInside(const xla::ShapeProto& small, const xla::ShapeProto& large) {
  if (Rank(small) != Rank(large)) return WrongShape(small, "of the operand's rank");
  for (int dim = 0; dim < Rank(small) && !IsDynamic(small) && !IsDynamic(large); ++dim) {
    if (small.dimensions(dim) > large.dimensions(dim))
      return WrongShape(small, absl::StrCat("no larger than ", Text(large)));
  }
  return {};
}

}  // namespace automap::shape_checks
