#include <bit>
#include <cstring>
#include <numeric>

#include "planner/graph/element_type.h"
#include "tests/support/interpreter/operation.h"

namespace automap::interpreter {
namespace {

// Place among the elements in the order of `order`, slowest dim first.
int64_t FlatOf(const Dims& index, const Dims& sizes, const std::vector<int>& order) {
  int64_t flat = 0;
  for (const int dim : order) flat = flat * sizes[dim] + index[dim];
  return flat;
}

Dims IndexOf(int64_t flat, const Dims& sizes, const std::vector<int>& order) {
  Dims index(sizes.size());
  for (size_t i = order.size(); i-- > 0;) {
    index[order[i]] = flat % sizes[order[i]];
    flat /= sizes[order[i]];
  }
  return index;
}

std::vector<int> RowMajor(int rank) {
  std::vector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int> MemoryOrder(const xla::ShapeProto& shape) {
  const auto& fastest_first = shape.layout().minor_to_major();
  if (fastest_first.size() != shape.dimensions_size()) return RowMajor(shape.dimensions_size());
  return {fastest_first.rbegin(), fastest_first.rend()};
}

Number Reordered(const Operation& it, const Dims& index, const std::vector<int>& from,
                 const std::vector<int>& to) {
  const Block& operand = it.operands[0];
  return operand.At(IndexOf(FlatOf(index, it.results[0].whole, to), operand.whole, from));
}

// Little-endian bits of a number.
uint64_t BitsOf(double value, int type) {
  if (type == xla::F32) return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type == xla::F64) return std::bit_cast<uint64_t>(value);
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

double FromBits(uint64_t bits, int type) {
  const int width = ElementBits(type);
  if (width < 64) bits &= (uint64_t{1} << width) - 1;
  double value = static_cast<double>(bits);
  if (type == xla::F32) value = std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (type == xla::F64) value = std::bit_cast<double>(bits);
  return std::isfinite(value) ? value : 0;
}

// Equal widths, or one more minor dim on the narrower side.
Number BitcastConverted(const Block& operand, const Block& result, Dims index) {
  const int from = ElementBits(operand.array.type), to = ElementBits(result.array.type);
  if (from == to) {
    const Number value = operand.At(index);
    if (IsAbsent(value)) return value;
    return FromBits(BitsOf(value.real(), operand.array.type), result.array.type);
  }
  if (from > to) {
    const int64_t piece = index.back();
    index.pop_back();
    const Number value = operand.At(index);
    if (IsAbsent(value)) return value;
    return FromBits(BitsOf(value.real(), operand.array.type) >> (piece * to), result.array.type);
  }
  uint64_t bits = 0;
  index.push_back(0);
  for (int piece = 0; piece < to / from; ++piece) {
    index.back() = piece;
    const Number value = operand.At(index);
    if (IsAbsent(value)) return value;
    const uint64_t mask = (uint64_t{1} << from) - 1;
    bits |= (BitsOf(value.real(), operand.array.type) & mask) << (piece * from);
  }
  return FromBits(bits, result.array.type);
}

Number Padded(const Operation& it, const Dims& index) {
  Dims from = index;
  for (size_t d = 0; d < index.size(); ++d) {
    const auto& padding = it.instruction->padding_config().dimensions(static_cast<int>(d));
    const int64_t place = index[d] - padding.edge_padding_low();
    const int64_t step = padding.interior_padding() + 1;
    from[d] = place / step;
    if (place < 0 || place % step != 0 || from[d] >= it.operands[0].whole[d]) {
      return it.operands[1].At({});
    }
  }
  return it.operands[0].At(from);
}

Number Concatenated(const Operation& it, Dims index) {
  const int64_t dim = it.instruction->dimensions(0);
  for (const Block& operand : it.operands) {
    if (index[dim] < operand.whole[dim]) return operand.At(index);
    index[dim] -= operand.whole[dim];
  }
  return kAbsent;
}

double Literal(const xla::LiteralProto& literal, int64_t i) {
  if (literal.f32s_size() > i) return literal.f32s(static_cast<int>(i));
  if (literal.s32s_size() > i) return literal.s32s(static_cast<int>(i));
  if (literal.u32s_size() > i) return literal.u32s(static_cast<int>(i));
  if (literal.preds_size() > i) return literal.preds(static_cast<int>(i)) ? 1 : 0;
  return static_cast<double>(i % 7) - 3;
}

// Bits that look random and depend on the place and the first element of the state, if any.
double RandomBits(const Operation& it, int64_t flat) {
  double seed = 1;
  if (!it.operands.empty() && it.operands[0].rank() == 1) seed += it.operands[0].At({0}).real();
  const uint64_t mixed =
      (static_cast<uint64_t>(flat) + 77) * 0x9e3779b97f4a7c15u * static_cast<uint64_t>(seed + 9);
  return static_cast<double>((mixed >> 40) % 8);
}

Number Moved(const Operation& it, const Block& result, Dims index) {
  const xla::HloInstructionProto& instruction = *it.instruction;
  const int rank = result.rank();
  switch (it.opcode) {
    case Opcode::kBitcast:
      return Reordered(it, index, MemoryOrder(*it.graph->bitcast_source(it.node)),
                       MemoryOrder(instruction.shape()));
    case Opcode::kReshape:
    case Opcode::kDynamicReshape:
      return Reordered(it, index, RowMajor(it.operands[0].rank()), RowMajor(rank));
    case Opcode::kBitcastConvert:
      return BitcastConverted(it.operands[0], result, index);
    case Opcode::kBroadcast: {
      Dims from;
      for (const int64_t dim : instruction.dimensions()) from.push_back(index[dim]);
      return it.operands[0].At(from);
    }
    case Opcode::kConcatenate:
      return Concatenated(it, index);
    case Opcode::kConstant:
      return Literal(instruction.literal(), FlatOf(index, result.whole, RowMajor(rank)));
    case Opcode::kIota:
      return static_cast<double>(index[instruction.dimensions(0)]);
    case Opcode::kPad:
      return Padded(it, index);
    case Opcode::kReverse:
      for (const int64_t dim : instruction.dimensions()) {
        index[dim] = result.whole[dim] - 1 - index[dim];
      }
      return it.operands[0].At(index);
    case Opcode::kSlice:
      for (int d = 0; d < rank; ++d) {
        const auto& slice = instruction.slice_dimensions(d);
        index[d] = slice.start() + index[d] * slice.stride();
      }
      return it.operands[0].At(index);
    case Opcode::kTranspose: {
      Dims from(rank);
      for (int d = 0; d < rank; ++d) from[instruction.dimensions(d)] = index[d];
      return it.operands[0].At(from);
    }
    case Opcode::kRng:
    case Opcode::kRngBitGenerator:
    case Opcode::kRngGetAndUpdateState:
      return RandomBits(it, FlatOf(index, result.whole, RowMajor(rank)));
    default:
      // Collectives of a user among one replica: gathers repeat, scatters keep the first part.
      for (int d = 0; d < rank; ++d) {
        if (it.operands[0].whole[d] < result.whole[d]) index[d] %= it.operands[0].whole[d];
      }
      return it.operands[0].At(index);
  }
}

}  // namespace

std::vector<Array> EvaluateDataMovement(const Operation& operation) {
  std::vector<Array> arrays;
  for (size_t r = 0; r < operation.results.size(); ++r) {
    const Block& result = operation.results[r];
    Operation one = {};
    const bool is_pairwise = operation.opcode == Opcode::kAllReduce ||
                             operation.opcode == Opcode::kAllGather ||
                             operation.opcode == Opcode::kAllToAll;
    if (is_pairwise && r < operation.operands.size()) one.operands = {operation.operands[r]};
    if (!is_pairwise || one.operands.empty()) one = operation;
    one.opcode = operation.opcode, one.instruction = operation.instruction;
    arrays.push_back(result.Filled([&](const Dims& index) { return Moved(one, result, index); }));
  }
  return arrays;
}

}  // namespace automap::interpreter
