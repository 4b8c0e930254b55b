// The checks of check_shapes.h, family by family; internal to it.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "planner/hlo/check_shapes.h"

namespace automap::shape_checks {

using Instruction = xla::HloInstructionProto;
using Shapes = std::vector<const xla::ShapeProto*>;
using Dims = google::protobuf::RepeatedField<int64_t>;

inline int Rank(const xla::ShapeProto& shape) { return shape.dimensions_size(); }
inline bool IsDynamic(const xla::ShapeProto& shape) {
  return shape.is_dynamic_dimension_size() > 0;
}
bool IsArray(const xla::ShapeProto& shape);
// "[2,3]".
std::string Text(const xla::ShapeProto& shape);
// Equal sizes; of shapes of dynamic size the rank only.
bool SameDims(const xla::ShapeProto& a, const xla::ShapeProto& b);
// The shape of a result or of an element of a tuple-shaped result.
const xla::ShapeProto& Result(const Instruction& instruction, int index = 0);
int ResultCount(const Instruction& instruction);

Complaint Bad(absl::string_view field, absl::string_view text);
Complaint WrongShape(const xla::ShapeProto& shape, absl::string_view expected);
// All in 0 .. rank-1 and different from each other.
Complaint CheckDims(absl::string_view field, const Dims& dims, int rank);

#define RETURN_IF_BAD(expression) \
  if (Complaint complaint = (expression); !complaint.is_fine()) return complaint

// Data movement.
Complaint CheckElementwise(Opcode opcode, const Instruction& instruction, const Shapes& operands);
Complaint CheckBroadcast(const Instruction& instruction, const Shapes& operands);
Complaint CheckTranspose(const Instruction& instruction, const Shapes& operands);
Complaint CheckReshape(const Instruction& instruction, const Shapes& operands);
Complaint CheckSameRank(const Instruction& instruction, const Shapes& operands);
Complaint CheckPad(const Instruction& instruction, const Shapes& operands);
Complaint CheckSlice(const Instruction& instruction, const Shapes& operands);
Complaint CheckConcatenate(const Instruction& instruction, const Shapes& operands);
Complaint CheckFitsInside(const xla::ShapeProto& small, const xla::ShapeProto& large);

// Reductions, windows, normalisation, order.
Complaint CheckReduce(const Instruction& instruction, const Shapes& operands);
Complaint CheckWindow(const Instruction& instruction, int rank);
Complaint CheckReduceWindow(const Instruction& instruction, const Shapes& operands);
Complaint CheckSelectAndScatter(const Instruction& instruction, const Shapes& operands);
Complaint CheckBatchNorm(Opcode opcode, const Instruction& instruction, const Shapes& operands);
Complaint CheckSort(const Instruction& instruction, const Shapes& operands);
Complaint CheckScan(const Instruction& instruction, const Shapes& operands);
Complaint CheckTopK(const Instruction& instruction, const Shapes& operands);

// Contractions.
Complaint CheckDot(const Instruction& instruction, const Shapes& operands);
Complaint CheckRaggedDot(const Instruction& instruction, const Shapes& operands);
Complaint CheckScaledDot(const Instruction& instruction, const Shapes& operands);
Complaint CheckConvolution(const Instruction& instruction, const Shapes& operands);

// Gather and scatter.
Complaint CheckGather(const Instruction& instruction, const Shapes& operands);
Complaint CheckScatter(const Instruction& instruction, const Shapes& operands);

}  // namespace automap::shape_checks
