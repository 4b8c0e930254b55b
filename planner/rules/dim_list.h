// Lists of dimension numbers as instructions carry them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "google/protobuf/repeated_field.h"

namespace automap {

using DimList = google::protobuf::RepeatedField<int64_t>;

// Position of `dim` in a list, -1 if it is not there.
inline int IndexOf(const DimList& list, int64_t dim) {
  const auto found = std::find(list.begin(), list.end(), dim);
  return found == list.end() ? -1 : static_cast<int>(found - list.begin());
}

inline bool Contains(const DimList& list, int64_t dim) { return IndexOf(list, dim) >= 0; }

// The dims 0..rank-1 that are in neither list, ascending.
inline std::vector<int64_t> Others(int rank, const DimList& a, const DimList& b = {}) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (!Contains(a, dim) && !Contains(b, dim)) dims.push_back(dim);
  }
  return dims;
}

}  // namespace automap
