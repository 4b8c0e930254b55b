#include <algorithm>

#include "planner/hlo/shape_checks.h"

namespace automap::shape_checks {

Complaint CheckReduce(const Instruction& instruction, const Shapes& operands) {
  if (operands.size() % 2 != 0)
    return Bad("operand_ids", "must be inputs and as many initial values");
  const size_t inputs = operands.size() / 2;
  const int rank = Rank(*operands[0]);
  if (ResultCount(instruction) != static_cast<int>(inputs))
    return Bad("shape", "must have one result for each input");
  RETURN_IF_BAD(CheckDims("dimensions", instruction.dimensions(), rank));
  for (size_t i = 0; i < inputs; ++i) {
    if (!SameDims(*operands[i], *operands[0]))
      return Bad(absl::StrCat("operand_ids[", i, "]"), "must have the shape of the first input");
    const xla::ShapeProto& result = Result(instruction, i);
    if (Rank(result) != rank - instruction.dimensions_size())
      return WrongShape(result, "the input's without the reduced dimensions");
    int kept = 0;
    for (int dim = 0; dim < rank && !IsDynamic(result) && !IsDynamic(*operands[i]); ++dim) {
      if (std::count(instruction.dimensions().begin(), instruction.dimensions().end(), dim) > 0)
        continue;
      if (result.dimensions(kept++) != operands[i]->dimensions(dim))
        return WrongShape(result, "the input's without the reduced dimensions");
    }
  }
  return {};
}

Complaint CheckWindow(const Instruction& instruction, int rank) {
  if (instruction.window().dimensions_size() == rank) return {};
  return Bad("window.dimensions",
             absl::StrCat(instruction.window().dimensions_size(), " of them, must be ", rank));
}

Complaint CheckReduceWindow(const Instruction& instruction, const Shapes& operands) {
  RETURN_IF_BAD(CheckWindow(instruction, Rank(*operands[0])));
  const int results = ResultCount(instruction);
  if (results * 2 != static_cast<int>(operands.size()))
    return Bad("shape", "must have one result for each input");
  for (int i = 0; i < results; ++i) {
    if (Rank(Result(instruction, i)) != Rank(*operands[0]) ||
        Rank(*operands[i]) != Rank(*operands[0]))
      return WrongShape(Result(instruction, i), "of the operand's rank");
  }
  return {};
}

Complaint CheckSelectAndScatter(const Instruction& instruction, const Shapes& operands) {
  RETURN_IF_BAD(CheckSameRank(instruction, operands));
  if (Rank(*operands[1]) != Rank(*operands[0]))
    return Bad("operand_ids[1]", "must have the operand's rank");
  return CheckWindow(instruction, Rank(*operands[0]));
}

Complaint CheckBatchNorm(Opcode opcode, const Instruction& instruction, const Shapes& operands) {
  const int rank = Rank(*operands[0]);
  if (instruction.feature_index() < 0 || instruction.feature_index() >= rank)
    return Bad("feature_index",
               absl::StrCat(instruction.feature_index(), ", must be in 0..", rank - 1));
  const int results = opcode == Opcode::kBatchNormInference ? 1 : 3;
  if (ResultCount(instruction) != results)
    return Bad("shape", absl::StrCat("must have ", results, " results"));
  if (!SameDims(Result(instruction), *operands[0]))
    return WrongShape(Result(instruction), "the operand's");
  for (size_t i = 1; i < operands.size(); ++i) {
    const bool is_full = opcode == Opcode::kBatchNormGrad && i == 4;
    if (is_full ? !SameDims(*operands[i], *operands[0]) : Rank(*operands[i]) != 1)
      return Bad(absl::StrCat("operand_ids[", i, "]"), "has the wrong rank");
  }
  for (int i = 1; i < results; ++i) {
    if (Rank(Result(instruction, i)) != 1) return Bad("shape", "statistics must have rank 1");
  }
  return {};
}

Complaint CheckSort(const Instruction& instruction, const Shapes& operands) {
  const int rank = Rank(*operands[0]);
  RETURN_IF_BAD(CheckDims("dimensions", instruction.dimensions(), std::max(rank, 1)));
  if (ResultCount(instruction) != static_cast<int>(operands.size()))
    return Bad("shape", "must have one result for each operand");
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!SameDims(*operands[i], *operands[0]) || !SameDims(Result(instruction, i), *operands[0]))
      return Bad("shape", "must be the operands'");
  }
  return {};
}

Complaint CheckScan(const Instruction& instruction, const Shapes& operands) {
  return CheckDims("dimensions", instruction.dimensions(), Rank(*operands[0]));
}

Complaint CheckTopK(const Instruction& instruction, const Shapes& operands) {
  if (instruction.shape().tuple_shapes_size() != 2) return Bad("shape", "must have two results");
  for (int i = 0; i < 2; ++i) {
    if (Rank(Result(instruction, i)) != Rank(*operands[0]) || Rank(*operands[0]) < 1)
      return WrongShape(Result(instruction, i), "of the operand's rank");
  }
  return {};
}

}  // namespace automap::shape_checks
