#include "planner/rules/merged_dims.h"

#include <limits>
#include <numeric>

namespace automap {
namespace {

// Products of the sizes in front of each dim.
std::vector<int64_t> Prefixes(const Tensor& tensor) {
  std::vector<int64_t> prefixes;
  int64_t product = 1;
  for (const int64_t size : tensor.shape()) {
    prefixes.push_back(product);
    product *= size;
  }
  return prefixes;
}

// The dim of `tensor` inside which `prefix` falls after a whole number of its elements, or -1.
int32_t DimAround(const Tensor& tensor, const std::vector<int64_t>& prefixes, int64_t prefix) {
  for (int32_t dim = 0; dim < tensor.rank; ++dim) {
    const int64_t begin = prefixes[dim], end = begin * tensor.dims[dim];
    if (begin < prefix && prefix < end && prefix % begin == 0 && end % prefix == 0) return dim;
  }
  return -1;
}

bool IsEmpty(const Tensor& tensor) {
  for (const int64_t size : tensor.shape()) {
    if (size == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<MergedDims> MergedDimsOf(const Graph& graph, NodeId node) {
  std::vector<MergedDims> found;
  if (graph.node(node).opcode != Opcode::kReshape) return found;
  const Tensor& from = graph.tensor(graph.operands(node)[0]);
  const Tensor& to = graph.tensor(graph.results(node)[0]);
  if (from.is_dynamic || to.is_dynamic || IsEmpty(from)) return found;
  const auto from_prefixes = Prefixes(from), to_prefixes = Prefixes(to);
  const auto add = [&](const Tensor& inner, const std::vector<int64_t>& inner_prefixes,
                       const Tensor& merged, const std::vector<int64_t>& merged_prefixes,
                       bool inner_is_operand) {
    for (int32_t dim = 0; dim < inner.rank; ++dim) {
      if (inner.dims[dim] == 1) continue;
      const int32_t around = DimAround(merged, merged_prefixes, inner_prefixes[dim]);
      if (around < 0) continue;
      const int64_t outer = inner_prefixes[dim] / merged_prefixes[around];
      if (outer > std::numeric_limits<int32_t>::max()) continue;
      const int64_t size = std::gcd(inner.dims[dim], merged.dims[around] / outer);
      const int32_t outer32 = static_cast<int32_t>(outer);
      found.push_back(inner_is_operand ? MergedDims{dim, around, 1, outer32, size}
                                       : MergedDims{around, dim, outer32, 1, size});
    }
  };
  add(from, from_prefixes, to, to_prefixes, true);
  add(to, to_prefixes, from, from_prefixes, false);
  return found;
}

}  // namespace automap
