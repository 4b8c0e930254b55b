#include "planner/rules/dim_list.h"
#include "planner/rules/families.h"
#include "planner/rules/iota_dims.h"
#include "planner/rules/reducer.h"

namespace automap {
namespace {

using Places = std::vector<FactorRuleBuilder::Place>;

std::vector<int64_t> IndexBatchDims(int indices_rank, int64_t index_vector_dim) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < indices_rank; ++dim) {
    if (dim != index_vector_dim) dims.push_back(dim);
  }
  return dims;
}

// For each batch dim of the indices the operand dim that it runs along with: a declared batching
// dim, or one whose index is the batch dim's own position, if a lookup takes one place of it
// (`is_row`). -1 where there is none.
template <typename IsRow>
std::vector<int64_t> TiedOperandDims(const FactorRuleBuilder& rule, int indices,
                                     const std::vector<int64_t>& index_dims, int64_t vector_dim,
                                     const DimList& index_map, const DimList& batching_indices,
                                     const DimList& batching_operand, const IsRow& is_row) {
  std::vector<int64_t> tied;
  for (const int64_t dim : index_dims) {
    const int batching = IndexOf(batching_indices, dim);
    tied.push_back(batching >= 0 ? batching_operand[batching] : -1);
  }
  const std::vector<int64_t> positions =
      IotaComponents(rule.graph(), rule.tensor_id(indices), vector_dim);
  for (size_t c = 0; c < positions.size() && c < static_cast<size_t>(index_map.size()); ++c) {
    const auto found = std::find(index_dims.begin(), index_dims.end(), positions[c]);
    if (found == index_dims.end()) continue;
    int64_t& place = tied[found - index_dims.begin()];
    const bool same_size = rule.size(indices, *found) == rule.size(0, index_map[c]);
    if (place < 0 && same_size && is_row(index_map[c])) place = index_map[c];
  }
  return tied;
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
  const std::vector<int64_t> tied = TiedOperandDims(
      rule, /*indices=*/1, index_dims, numbers.index_vector_dim(), numbers.start_index_map(),
      numbers.start_indices_batching_dims(), numbers.operand_batching_dims(),
      [&](int64_t dim) { return slice_sizes[dim] == 1; });
  for (size_t i = 0; i < index_dims.size(); ++i) {
    Places places = {{1, index_dims[i]}, {result, out_batch[i]}};
    if (tied[i] >= 0) places.push_back({0, tied[i]});
    rule.Add(FactorKind::kPass, places);
  }
  const auto is_tied = [&](int64_t dim) {
    return std::find(tied.begin(), tied.end(), dim) != tied.end();
  };
  const std::vector<int64_t> offset_operand_dims =
      Others(rule.rank(0), numbers.collapsed_slice_dims(), numbers.operand_batching_dims());
  for (size_t i = 0; i < offset_operand_dims.size(); ++i) {
    const int64_t dim = offset_operand_dims[i];
    if (is_tied(dim)) continue;
    if (slice_sizes[dim] == rule.size(0, dim)) {
      rule.Add(FactorKind::kPass, {{0, dim}, {result, numbers.offset_dims(i)}});
    } else if (slice_sizes[dim] == 1) {
      rule.Add(FactorKind::kSum, {{0, dim}});
    }
  }
  for (const int64_t dim : numbers.collapsed_slice_dims()) {
    if (!is_tied(dim)) rule.Add(FactorKind::kSum, {{0, dim}});
  }
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
  const std::vector<int64_t> index_dims =
      IndexBatchDims(rule.rank(indices), numbers.index_vector_dim());
  const std::vector<int64_t> tied = TiedOperandDims(
      rule, indices, index_dims, numbers.index_vector_dim(), numbers.scatter_dims_to_operand_dims(),
      numbers.scatter_indices_batching_dims(), numbers.input_batching_dims(),
      [&](int64_t dim) { return Contains(numbers.inserted_window_dims(), dim); });
  for (const int64_t dim : numbers.inserted_window_dims()) {
    if (std::find(tied.begin(), tied.end(), dim) == tied.end()) {
      rule.Add(FactorKind::kPass, everywhere(dim));
    }
  }
  const bool combines = ReducerOf(rule.graph(), rule.instruction()) != Reducer::kOther;
  const std::vector<int64_t> update_batch =
      Others(rule.rank(first_update), numbers.update_window_dims());
  for (size_t i = 0; i < index_dims.size(); ++i) {
    Places places = tied[i] >= 0 ? everywhere(tied[i]) : Places{};
    places.push_back({indices, index_dims[i]});
    for (int u = 0; u < n; ++u) places.push_back({first_update + u, update_batch[i]});
    if (tied[i] >= 0) {
      rule.Add(FactorKind::kPass, places);
    } else if (combines) {
      rule.Add(FactorKind::kSum, places);
    }
  }
  return std::move(rule).Build();
}

}  // namespace automap
