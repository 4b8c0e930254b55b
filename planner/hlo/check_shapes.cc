#include "planner/hlo/check_shapes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "planner/hlo/elementwise.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Shapes = std::vector<const xla::ShapeProto*>;
using Dims = google::protobuf::RepeatedField<int64_t>;

bool IsArray(const xla::ShapeProto& shape) {
  return shape.element_type() != xla::TUPLE && shape.element_type() != xla::TOKEN &&
         shape.element_type() != xla::OPAQUE_TYPE && shape.element_type() != xla::BUFFER;
}

bool IsDynamic(const xla::ShapeProto& shape) { return shape.is_dynamic_dimension_size() > 0; }

int Rank(const xla::ShapeProto& shape) { return shape.dimensions_size(); }

std::string Text(const xla::ShapeProto& shape) {
  return absl::StrCat("[", absl::StrJoin(shape.dimensions(), ","), "]");
}

bool SameDims(const xla::ShapeProto& a, const xla::ShapeProto& b) {
  if (IsDynamic(a) || IsDynamic(b)) return Rank(a) == Rank(b);
  return std::equal(a.dimensions().begin(), a.dimensions().end(), b.dimensions().begin(),
                    b.dimensions().end());
}

Complaint Bad(absl::string_view field, absl::string_view text) {
  return {std::string(field), std::string(text)};
}

Complaint WrongShape(const xla::ShapeProto& shape, absl::string_view expected) {
  return Bad("shape", absl::StrCat(Text(shape), ", must be ", expected));
}

// All in 0 .. rank-1 and different from each other.
Complaint CheckDims(absl::string_view field, const Dims& dims, int rank) {
  std::vector<bool> seen(rank, false);
  for (int i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0 || dims[i] >= rank)
      return Bad(absl::StrCat(field, "[", i, "]"),
                 absl::StrCat(dims[i], ", must be in 0..", rank - 1));
    if (seen[dims[i]])
      return Bad(absl::StrCat(field, "[", i, "]"), absl::StrCat(dims[i], ", must not repeat"));
    seen[dims[i]] = true;
  }
  return {};
}

// The shape of a result or of an element of a tuple-shaped result.
const xla::ShapeProto& Result(const Instruction& instruction, int index = 0) {
  return instruction.shape().element_type() == xla::TUPLE &&
                 index < instruction.shape().tuple_shapes_size()
             ? instruction.shape().tuple_shapes(index)
             : instruction.shape();
}

#define RETURN_IF_BAD(expression) \
  if (Complaint complaint = (expression); !complaint.is_fine()) return complaint

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

Complaint CheckReduce(const Instruction& instruction, const Shapes& operands) {
  if (operands.size() % 2 != 0)
    return Bad("operand_ids", "must be inputs and as many initial values");
  const size_t inputs = operands.size() / 2;
  const int rank = Rank(*operands[0]);
  const bool is_tuple = instruction.shape().element_type() == xla::TUPLE;
  if ((is_tuple ? instruction.shape().tuple_shapes_size() : 1) != static_cast<int>(inputs))
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
  const bool is_tuple = instruction.shape().element_type() == xla::TUPLE;
  const int results = is_tuple ? instruction.shape().tuple_shapes_size() : 1;
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
  const bool is_tuple = instruction.shape().element_type() == xla::TUPLE;
  if ((is_tuple ? instruction.shape().tuple_shapes_size() : 1) != static_cast<int>(n))
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

Complaint CheckBatchNorm(Opcode opcode, const Instruction& instruction, const Shapes& operands) {
  const int rank = Rank(*operands[0]);
  if (instruction.feature_index() < 0 || instruction.feature_index() >= rank)
    return Bad("feature_index",
               absl::StrCat(instruction.feature_index(), ", must be in 0..", rank - 1));
  const int results = opcode == Opcode::kBatchNormInference ? 1 : 3;
  const bool is_tuple = instruction.shape().element_type() == xla::TUPLE;
  if ((is_tuple ? instruction.shape().tuple_shapes_size() : 1) != results)
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
  const bool is_tuple = instruction.shape().element_type() == xla::TUPLE;
  if ((is_tuple ? instruction.shape().tuple_shapes_size() : 1) != static_cast<int>(operands.size()))
    return Bad("shape", "must have one result for each operand");
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!SameDims(*operands[i], *operands[0]) || !SameDims(Result(instruction, i), *operands[0]))
      return Bad("shape", "must be the operands'");
  }
  return {};
}

Complaint CheckTopK(const Instruction& instruction, const Shapes& operands) {
  if (instruction.shape().tuple_shapes_size() != 2) return Bad("shape", "must have two results");
  for (int i = 0; i < 2; ++i) {
    if (Rank(Result(instruction, i)) != Rank(*operands[0]) || Rank(*operands[0]) < 1)
      return WrongShape(Result(instruction, i), "of the operand's rank");
  }
  return {};
}

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

bool NeedsArrays(Opcode opcode) {
  switch (opcode) {
    case Opcode::kTuple:
    case Opcode::kGetTupleElement:
    case Opcode::kCall:
    case Opcode::kWhile:
    case Opcode::kConditional:
    case Opcode::kFusion:
    case Opcode::kCustomCall:
    case Opcode::kOptBarrier:
    case Opcode::kDomain:
    case Opcode::kAddDependency:
    case Opcode::kAfterAll:
    case Opcode::kInfeed:
    case Opcode::kOutfeed:
    case Opcode::kSend:
    case Opcode::kSendDone:
    case Opcode::kRecv:
    case Opcode::kRecvDone:
    case Opcode::kParameter:
    case Opcode::kConstant:
    case Opcode::kAsyncStart:
    case Opcode::kAsyncUpdate:
    case Opcode::kAsyncDone:
    case Opcode::kCopy:
    case Opcode::kCopyStart:
    case Opcode::kCopyDone:
    case Opcode::kUnknown:
    case Opcode::kSelect:
    case Opcode::kAllGatherStart:
    case Opcode::kAllGatherDone:
    case Opcode::kAllReduceStart:
    case Opcode::kAllReduceDone:
    case Opcode::kCollectivePermuteStart:
    case Opcode::kCollectivePermuteDone:
    case Opcode::kScan:
      return false;
    default:
      return true;
  }
}

}  // namespace

Arity ArityOf(Opcode opcode) {
  switch (opcode) {
    case Opcode::kParameter:
    case Opcode::kConstant:
    case Opcode::kIota:
    case Opcode::kPartitionId:
    case Opcode::kReplicaId:
    case Opcode::kRngGetAndUpdateState:
      return {0, 0};
    case Opcode::kAdd:
    case Opcode::kAnd:
    case Opcode::kAtan2:
    case Opcode::kCompare:
    case Opcode::kComplex:
    case Opcode::kDivide:
    case Opcode::kMaximum:
    case Opcode::kMinimum:
    case Opcode::kMulhi:
    case Opcode::kMultiply:
    case Opcode::kOr:
    case Opcode::kPower:
    case Opcode::kRemainder:
    case Opcode::kShiftLeft:
    case Opcode::kShiftRightArithmetic:
    case Opcode::kShiftRightLogical:
    case Opcode::kStochasticConvert:
    case Opcode::kSubtract:
    case Opcode::kXor:
    case Opcode::kGather:
    case Opcode::kPad:
    case Opcode::kTriangularSolve:
    case Opcode::kSetDimensionSize:
    case Opcode::kAddDependency:
    case Opcode::kOutfeed:
    case Opcode::kSend:
      return {2, 2};
    case Opcode::kClamp:
    case Opcode::kSelect:
    case Opcode::kSelectAndScatter:
    case Opcode::kBatchNormTraining:
    case Opcode::kRaggedDot:
      return {3, 3};
    case Opcode::kBatchNormInference:
    case Opcode::kBatchNormGrad:
      return {5, 5};
    case Opcode::kDot:
    case Opcode::kConvolution:
    case Opcode::kReduce:
    case Opcode::kReduceWindow:
    case Opcode::kDynamicUpdateSlice:
      return {2, -1};
    case Opcode::kScatter:
      return {3, -1};
    case Opcode::kConcatenate:
    case Opcode::kDynamicSlice:
    case Opcode::kSort:
    case Opcode::kMap:
    case Opcode::kConditional:
    case Opcode::kDynamicReshape:
    case Opcode::kScan:
    case Opcode::kAllReduce:
    case Opcode::kAllGather:
    case Opcode::kReduceScatter:
    case Opcode::kAllToAll:
      return {1, -1};
    case Opcode::kBroadcast:
    case Opcode::kTranspose:
    case Opcode::kReshape:
    case Opcode::kBitcast:
    case Opcode::kReverse:
    case Opcode::kSlice:
    case Opcode::kBitcastConvert:
    case Opcode::kCholesky:
    case Opcode::kFft:
    case Opcode::kTopk:
    case Opcode::kGetTupleElement:
    case Opcode::kWhile:
    case Opcode::kDomain:
    case Opcode::kGetDimensionSize:
    case Opcode::kRngBitGenerator:
    case Opcode::kReducePrecision:
      return {1, 1};
    default:
      // The rest of the element-wise operations are unary.
      return IsElementwise(opcode) ? Arity{1, 1} : Arity{};
  }
}

bool SameShape(const xla::ShapeProto& a, const xla::ShapeProto& b) {
  if (a.element_type() != b.element_type() || a.tuple_shapes_size() != b.tuple_shapes_size() ||
      !SameDims(a, b))
    return false;
  for (int i = 0; i < a.tuple_shapes_size(); ++i) {
    if (!SameShape(a.tuple_shapes(i), b.tuple_shapes(i))) return false;
  }
  return true;
}

Complaint CheckShapes(Opcode opcode, const Instruction& instruction, const Shapes& operands) {
  if (NeedsArrays(opcode)) {
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
      // Copies may be of tuples; loops and branches have signatures instead.
      return IsElementwise(opcode) && opcode != Opcode::kCopy && opcode != Opcode::kWhile &&
                     opcode != Opcode::kConditional
                 ? CheckElementwise(opcode, instruction, operands)
                 : Complaint{};
  }
}

}  // namespace automap
