#include "planner/hlo/check_shapes.h"

#include "planner/hlo/shape_checks.h"

namespace automap {
namespace shape_checks {
namespace {

Complaint CheckTuple(const Instruction& instruction, const Shapes& operands) {
  if (instruction.shape().element_type() != xla::TUPLE ||
      instruction.shape().tuple_shapes_size() != static_cast<int>(operands.size()))
    return Bad("shape", "must be a tuple of the operands");
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!SameShape(*operands[i], instruction.shape().tuple_shapes(i)))
      return Bad(absl::StrCat("shape.tuple_shapes[", i, "]"), "must be the operand's");
  }
  return {};
}

// A bitcast means what the layouts say, where they are given.
Complaint CheckBitcast(const Instruction& instruction, const Shapes& operands) {
  for (const xla::ShapeProto* shape : {operands[0], &instruction.shape()}) {
    const Dims& order = shape->layout().minor_to_major();
    if (order.size() == Rank(*shape)) {
      RETURN_IF_BAD(CheckDims("shape.layout.minor_to_major", order, Rank(*shape)));
    }
  }
  return {};
}

Complaint CheckSameAsOperand(const Instruction& instruction, const Shapes& operands) {
  return SameShape(instruction.shape(), *operands[0]) ? Complaint{}
                                                      : Bad("shape", "must be the operand's");
}

Complaint CheckTupleAccess(const Instruction& instruction, const Shapes& operands) {
  const int64_t index = instruction.tuple_index();
  if (operands[0]->element_type() != xla::TUPLE || index < 0 ||
      index >= operands[0]->tuple_shapes_size())
    return Bad("tuple_index", absl::StrCat(index, ", must be an element of the operand"));
  return SameShape(operands[0]->tuple_shapes(index), instruction.shape())
             ? Complaint{}
             : Bad("shape", "must be the element's");
}

Complaint CheckTriangularSolve(const Instruction& instruction, const Shapes& operands) {
  const int rank = Rank(*operands[0]);
  return rank >= 2 && Rank(*operands[1]) == rank && Rank(instruction.shape()) == rank
             ? Complaint{}
             : Bad("shape", "must have the operands' rank, at least 2");
}

Complaint CheckIota(const Instruction& instruction) {
  if (instruction.dimensions_size() != 1) return Bad("dimensions", "must be one dimension");
  return CheckDims("dimensions", instruction.dimensions(), Rank(instruction.shape()));
}

}  // namespace
}  // namespace shape_checks

bool SameShape(const xla::ShapeProto& a, const xla::ShapeProto& b) {
  if (a.element_type() != b.element_type() || a.tuple_shapes_size() != b.tuple_shapes_size() ||
      !shape_checks::SameDims(a, b))
    return false;
  for (int i = 0; i < a.tuple_shapes_size(); ++i) {
    if (!SameShape(a.tuple_shapes(i), b.tuple_shapes(i))) return false;
  }
  return true;
}

Complaint CheckShapes(Opcode opcode, const xla::HloInstructionProto& instruction,
                      const std::vector<const xla::ShapeProto*>& operands) {
  using namespace shape_checks;
  const OpcodeKind kind = TraitsOf(opcode).kind;
  if (kind == OpcodeKind::kElementwise || kind == OpcodeKind::kArrays) {
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!IsArray(*operands[i]))
        return Bad(absl::StrCat("operand_ids[", i, "]"), "must be an array");
    }
  }
  switch (opcode) {
    case Opcode::kBroadcast:
      return CheckBroadcast(instruction, operands);
    case Opcode::kTranspose:
      return CheckTranspose(instruction, operands);
    case Opcode::kReshape:
      return CheckReshape(instruction, operands);
    case Opcode::kReverse:
      RETURN_IF_BAD(CheckSameRank(instruction, operands));
      return CheckDims("dimensions", instruction.dimensions(), Rank(*operands[0]));
    case Opcode::kSlice:
      return CheckSlice(instruction, operands);
    case Opcode::kPad:
      return CheckPad(instruction, operands);
    case Opcode::kConcatenate:
      return CheckConcatenate(instruction, operands);
    case Opcode::kDynamicSlice:
      return CheckFitsInside(instruction.shape(), *operands[0]);
    case Opcode::kDynamicUpdateSlice:
      RETURN_IF_BAD(CheckFitsInside(*operands[1], *operands[0]));
      return SameDims(instruction.shape(), *operands[0])
                 ? Complaint{}
                 : WrongShape(instruction.shape(), "the operand's");
    case Opcode::kReduce:
      return CheckReduce(instruction, operands);
    case Opcode::kReduceWindow:
      return CheckReduceWindow(instruction, operands);
    case Opcode::kSelectAndScatter:
      return CheckSelectAndScatter(instruction, operands);
    case Opcode::kDot:
      return CheckDot(instruction, operands);
    case Opcode::kRaggedDot:
      return CheckRaggedDot(instruction, operands);
    case Opcode::kScaledDot:
      return CheckScaledDot(instruction, operands);
    case Opcode::kScan:
      return CheckScan(instruction, operands);
    case Opcode::kAllGather:
    case Opcode::kReduceScatter:
      return CheckDims("dimensions", instruction.dimensions(), Rank(*operands[0]));
    case Opcode::kSetDimensionSize:
      RETURN_IF_BAD(CheckSameRank(instruction, operands));
      return CheckDims("dimensions", instruction.dimensions(), Rank(*operands[0]));
    case Opcode::kConvolution:
      return CheckConvolution(instruction, operands);
    case Opcode::kGather:
      return CheckGather(instruction, operands);
    case Opcode::kScatter:
      return CheckScatter(instruction, operands);
    case Opcode::kBatchNormTraining:
    case Opcode::kBatchNormInference:
    case Opcode::kBatchNormGrad:
      return CheckBatchNorm(opcode, instruction, operands);
    case Opcode::kSort:
      return CheckSort(instruction, operands);
    case Opcode::kTopk:
      return CheckTopK(instruction, operands);
    case Opcode::kTuple:
      return CheckTuple(instruction, operands);
    case Opcode::kBitcast:
      return CheckBitcast(instruction, operands);
    case Opcode::kOptBarrier:
      if (operands.size() != 1) return CheckTuple(instruction, operands);
      return CheckSameAsOperand(instruction, operands);
    case Opcode::kDomain:
    case Opcode::kAddDependency:
      return CheckSameAsOperand(instruction, operands);
    case Opcode::kGetTupleElement:
      return CheckTupleAccess(instruction, operands);
    case Opcode::kIota:
      return CheckIota(instruction);
    case Opcode::kTriangularSolve:
      return CheckTriangularSolve(instruction, operands);
    case Opcode::kCholesky:
      return SameDims(instruction.shape(), *operands[0])
                 ? Complaint{}
                 : WrongShape(instruction.shape(), "the operand's");
    case Opcode::kFft:
      return CheckSameRank(instruction, operands);
    case Opcode::kBitcastConvert: {
      const int difference = Rank(instruction.shape()) - Rank(*operands[0]);
      return difference >= -1 && difference <= 1
                 ? Complaint{}
                 : WrongShape(instruction.shape(), "of a rank that differs by at most 1");
    }
    default:
      // Loops and branches have signatures instead.
      return kind == OpcodeKind::kElementwise ? CheckElementwise(opcode, instruction, operands)
                                              : Complaint{};
  }
}

}  // namespace automap
