// Arrays and blocks of arrays for the interpreter of the tests.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <vector>

#include "planner/graph/graph.h"

namespace automap::interpreter {

using Dims = std::vector<int64_t>;
using Number = std::complex<double>;

struct Array {
  int type = xla::F32;
  Dims dims;
  std::vector<Number> values;  // row major
  bool operator==(const Array&) const = default;
};

// What a read of an element that the device does not hold gives: not a number. It goes through all
// arithmetic and equals nothing; a program that reads only what is there never makes one.
inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
inline bool IsAbsent(Number value) { return std::isnan(value.real()) || std::isnan(value.imag()); }

int64_t ElementCount(const Dims& dims);

// Calls visit(index) for every index below `dims`, last dim fastest.
template <typename Visit>
void ForEachIndex(const Dims& dims, const Visit& visit) {
  Dims index(dims.size(), 0);
  for (int64_t left = ElementCount(dims); left > 0; --left) {
    visit(index);
    for (size_t d = dims.size(); d-- > 0;) {
      if (++index[d] < dims[d]) break;
      index[d] = 0;
    }
  }
}

// What one device holds of an array: a box of it. All indices are those of the whole array.
struct Block {
  Array array;         // the box
  Dims offset, whole;  // where the box begins, and the sizes of the whole array

  int rank() const { return static_cast<int>(whole.size()); }
  // The element at `index`; kAbsent when it is outside of the box.
  Number At(const Dims& index) const;
  bool Holds(const Dims& index) const;
  // First place of dim `d` that the box holds, and one past the last.
  int64_t begin(int64_t d) const { return offset[d]; }
  int64_t end(int64_t d) const { return offset[d] + array.dims[d]; }

  // Calls visit(index) for every index in the box, last dim fastest.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    ForEachIndex(array.dims, [&](Dims index) {
      for (size_t d = 0; d < index.size(); ++d) index[d] += offset[d];
      visit(index);
    });
  }
  // The box filled with value(index).
  template <typename Value>
  Array Filled(const Value& value) const {
    Array filled = {array.type, array.dims, {}};
    filled.values.reserve(ElementCount(array.dims));
    ForEach([&](const Dims& index) { filled.values.push_back(value(index)); });
    return filled;
  }
};

Block WholeBlock(Array array);
// Block `part` of `parts` equal ones along `dim`.
Block BlockOf(const Array& array, int64_t dim, int64_t part, int64_t parts);
// The same without values: the place of a result.
Block PlaceOf(int type, const Dims& whole, int64_t dim, int64_t part, int64_t parts);
Array Joined(const std::vector<Array>& blocks, int64_t dim);

// What results of arithmetic are rounded to, so that whatever is computed stays small and sums of
// products are exact in any order: floats multiples of 1/8 in (-4, 4], integers of few bits,
// predicates 0 or 1.
void Settle(Array& array);

Dims DimsOf(const Tensor& tensor);

}  // namespace automap::interpreter
