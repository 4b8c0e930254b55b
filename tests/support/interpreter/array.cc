#include "tests/support/interpreter/array.h"

#include <cmath>

#include "planner/graph/element_type.h"

namespace automap::interpreter {

int64_t ElementCount(const Dims& dims) {
  int64_t count = 1;
  for (const int64_t size : dims) count *= size;
  return count;
}

bool Block::Holds(const Dims& index) const {
  for (size_t d = 0; d < index.size(); ++d) {
    if (index[d] < begin(d) || index[d] >= end(d)) return false;
  }
  return true;
}

Number Block::At(const Dims& index) const {
  if (index.size() != whole.size() || !Holds(index)) return kAbsent;
  int64_t flat = 0;
  for (size_t d = 0; d < index.size(); ++d) flat = flat * array.dims[d] + index[d] - offset[d];
  return array.values[flat];
}

Block WholeBlock(Array array) {
  Block block = {{}, Dims(array.dims.size(), 0), array.dims};
  block.array = std::move(array);
  return block;
}

Block PlaceOf(int type, const Dims& whole, int64_t dim, int64_t part, int64_t parts) {
  Block block = {{type, whole, {}}, Dims(whole.size(), 0), whole};
  if (dim < 0) return block;
  block.array.dims[dim] /= parts;
  block.offset[dim] = part * block.array.dims[dim];
  return block;
}

Block BlockOf(const Array& array, int64_t dim, int64_t part, int64_t parts) {
  if (dim < 0) return WholeBlock(array);
  Block block = PlaceOf(array.type, array.dims, dim, part, parts);
  const Block source = WholeBlock(array);
  block.array = block.Filled([&](const Dims& index) { return source.At(index); });
  return block;
}

Array Joined(const std::vector<Array>& blocks, int64_t dim) {
  Dims whole = blocks[0].dims;
  const int64_t size = whole[dim];
  whole[dim] *= blocks.size();
  std::vector<Block> parts;
  for (const Array& block : blocks) parts.push_back(WholeBlock(block));
  return PlaceOf(blocks[0].type, whole, -1, 0, 1).Filled([&](Dims index) {
    const Block& part = parts[index[dim] / size];
    index[dim] %= size;
    return part.At(index);
  });
}

namespace {

double Wrapped(double x, double low, double size) {
  if (std::isnan(x)) return x;  // absent
  if (!std::isfinite(x)) return low;
  return x - size * std::floor((x - low) / size);
}

double Settled(double x, int type) {
  switch (type) {
    case xla::PRED:
      return std::isnan(x) || x == 0 ? x : 1;
    case xla::U8:
    case xla::U16:
    case xla::U32:
    case xla::U64:
      return Wrapped(std::floor(x), 0, 8);
    default:
      return IsFloat(type) ? Wrapped(std::round(x * 8) / 8, -4, 8) : Wrapped(std::floor(x), -4, 8);
  }
}

}  // namespace

void Settle(Array& array) {
  for (Number& value : array.values) {
    value = {Settled(value.real(), array.type), Settled(value.imag(), array.type)};
  }
}

Dims DimsOf(const Tensor& tensor) { return {tensor.shape().begin(), tensor.shape().end()}; }

}  // namespace automap::interpreter
