#include <algorithm>
#include <vector>

#include "planner/rules/families.h"
#include "planner/rules/reducer.h"

namespace automap {
namespace {

using Dims = google::protobuf::RepeatedField<int64_t>;
using Places = std::vector<FactorRuleBuilder::Place>;

int IndexOf(const Dims& list, int64_t value) {
  const auto found = std::find(list.begin(), list.end(), value);
  return found == list.end() ? -1 : found - list.begin();
}

bool Contains(const Dims& list, int64_t value) { return IndexOf(list, value) >= 0; }

// The dims 0..rank-1 that are in neither list, ascending.
std::vector<int64_t> Others(int rank, const Dims& a, const Dims& b = {}) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (!Contains(a, dim) && !Contains(b, dim)) dims.push_back(dim);
  }
  return dims;
}

std::vector<int64_t> IndexBatchDims(int indices_rank, int64_t index_vector_dim) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < indices_rank; ++dim) {
    if (dim != index_vector_dim) dims.push_back(dim);
  }
  return dims;
}

}  // namespace

// operand[o v+], indices[b #] -> out[b o]: dims taken whole pass; an indexed dim is a sum over rows
// that each device has or has not; batching dims tie operand, indices and result.
FactorRule GatherRule(FactorRuleBuilder rule) {
  const auto& numbers = rule.instruction().gather_dimension_numbers();
  const auto& slice_sizes = rule.instruction().gather_slice_sizes();
  const int result = rule.result_slot();
  const std::vector<int64_t> index_dims = IndexBatchDims(rule.rank(1), numbers.index_vector_dim());
  const std::vector<int64_t> out_batch = Others(rule.rank(result), numbers.offset_dims());
  for (size_t i = 0; i < index_dims.size(); ++i) {
    Places places = {{1, index_dims[i]}, {result, out_batch[i]}};
    const int batching = IndexOf(numbers.start_indices_batching_dims(), index_dims[i]);
    if (batching >= 0) places.push_back({0, numbers.operand_batching_dims(batching)});
    rule.Add(FactorKind::kPass, places);
  }
  const std::vector<int64_t> offset_operand_dims =
      Others(rule.rank(0), numbers.collapsed_slice_dims(), numbers.operand_batching_dims());
  for (size_t i = 0; i < offset_operand_dims.size(); ++i) {
    const int64_t dim = offset_operand_dims[i];
    if (slice_sizes[dim] == rule.size(0, dim)) {
      rule.Add(FactorKind::kPass, {{0, dim}, {result, numbers.offset_dims(i)}});
    } else if (slice_sizes[dim] == 1) {
      rule.Add(FactorKind::kSum, {{0, dim}});
    }
  }
  for (const int64_t dim : numbers.collapsed_slice_dims()) rule.Add(FactorKind::kSum, {{0, dim}});
  return std::move(rule).Build();
}

// operand[v w], indices[s+ #], updates[s+ w] -> out[v w], n operands and updates alike. A device
// that holds a block of an indexed dim v keeps the updates that fall into it; a block of the
// updates gives a partial result.
FactorRule ScatterRule(FactorRuleBuilder rule) {
  const auto& numbers = rule.instruction().scatter_dimension_numbers();
  const int n = rule.result_count(), indices = n, first_update = n + 1;
  const auto everywhere = [&](int64_t operand_dim) {
    Places places;
    for (int i = 0; i < n; ++i) {
      places.push_back({i, operand_dim});
      places.push_back({rule.result_slot(i), operand_dim});
    }
    return places;
  };
  const std::vector<int64_t> window_dims =
      Others(rule.rank(0), numbers.inserted_window_dims(), numbers.input_batching_dims());
  for (size_t i = 0; i < window_dims.size(); ++i) {
    const int64_t update_dim = numbers.update_window_dims(i);
    if (rule.size(first_update, update_dim) != rule.size(0, window_dims[i])) continue;
    Places places = everywhere(window_dims[i]);
    for (int u = 0; u < n; ++u) places.push_back({first_update + u, update_dim});
    rule.Add(FactorKind::kPass, places);
  }
  for (const int64_t dim : numbers.inserted_window_dims())
    rule.Add(FactorKind::kPass, everywhere(dim));
  const bool combines = ReducerOf(rule.graph(), rule.instruction()) != Reducer::kOther;
  const std::vector<int64_t> index_dims =
      IndexBatchDims(rule.rank(indices), numbers.index_vector_dim());
  const std::vector<int64_t> update_batch =
      Others(rule.rank(first_update), numbers.update_window_dims());
  for (size_t i = 0; i < index_dims.size(); ++i) {
    const int batching = IndexOf(numbers.scatter_indices_batching_dims(), index_dims[i]);
    Places places = batching >= 0 ? everywhere(numbers.input_batching_dims(batching)) : Places{};
    places.push_back({indices, index_dims[i]});
    for (int u = 0; u < n; ++u) places.push_back({first_update + u, update_batch[i]});
    if (batching >= 0) {
      rule.Add(FactorKind::kPass, places);
    } else if (combines) {
      rule.Add(FactorKind::kSum, places);
    }
  }
  return std::move(rule).Build();
}

}  // namespace automap
