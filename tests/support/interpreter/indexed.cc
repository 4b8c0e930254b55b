#include <algorithm>

#include "planner/rules/dim_list.h"
#include "tests/support/interpreter/operation.h"
#include "tests/support/interpreter/scalars.h"

namespace automap::interpreter {
namespace {

int64_t AsIndex(Number value) {
  return std::isfinite(value.real()) ? static_cast<int64_t>(value.real()) : -1;
}

// Where a slice of those sizes begins; a start that would leave the array is moved back into it.
// Start indices are scalars from operand `first` on.
Dims ScalarStart(const Operation& it, size_t first, const Dims& slice) {
  Dims start(slice.size());
  for (size_t d = 0; d < slice.size(); ++d) {
    const int64_t room = it.operands[0].whole[d] - slice[d];
    start[d] = std::clamp<int64_t>(AsIndex(it.operands[first + d].At({})), 0, room);
  }
  return start;
}

Array DynamicSlice(const Operation& it) {
  const Block& result = it.results[0];
  const Dims start = ScalarStart(it, 1, result.whole);
  return result.Filled([&](Dims index) {
    for (size_t d = 0; d < index.size(); ++d) index[d] += start[d];
    return it.operands[0].At(index);
  });
}

Array DynamicUpdateSlice(const Operation& it) {
  const Block& update = it.operands[1];
  const Dims start = ScalarStart(it, 2, update.whole);
  return it.results[0].Filled([&](const Dims& index) {
    Dims place = index;
    bool inside = true;
    for (size_t d = 0; d < index.size(); ++d) {
      place[d] -= start[d];
      inside &= place[d] >= 0 && place[d] < update.whole[d];
    }
    return inside ? update.At(place) : it.operands[0].At(index);
  });
}

// The vector of indices at a place of the indices' other dims, whose list is `batch`.
Dims IndexVector(const Block& indices, const Dims& batch, int64_t vector_dim) {
  Dims vector;
  const bool is_listed = vector_dim < indices.rank();
  for (int64_t i = 0; i < (is_listed ? indices.whole[vector_dim] : 1); ++i) {
    Dims place = batch;
    if (is_listed) place.insert(place.begin() + vector_dim, i);
    vector.push_back(IsAbsent(indices.At(place)) ? -1000 : AsIndex(indices.At(place)));
  }
  return vector;
}

Array Gather(const Operation& it) {
  const auto& numbers = it.instruction->gather_dimension_numbers();
  const auto& sizes = it.instruction->gather_slice_sizes();
  const Block &operand = it.operands[0], &indices = it.operands[1];
  const auto batch_dims = Others(it.results[0].rank(), numbers.offset_dims());
  const auto window_dims =
      Others(operand.rank(), numbers.collapsed_slice_dims(), numbers.operand_batching_dims());
  return it.results[0].Filled([&](const Dims& index) -> Number {
    Dims batch, place(operand.rank(), 0);
    for (const int64_t dim : batch_dims) batch.push_back(index[dim]);
    const Dims vector = IndexVector(indices, batch, numbers.index_vector_dim());
    bool is_indexed_elsewhere = false;
    for (size_t c = 0; c < vector.size(); ++c) {
      if (vector[c] == -1000) return kAbsent;
      const int64_t dim = numbers.start_index_map(static_cast<int>(c));
      place[dim] = std::clamp<int64_t>(vector[c], 0, operand.whole[dim] - sizes[dim]);
      // A row that another device holds: this one contributes nothing to the sum.
      is_indexed_elsewhere |=
          sizes[dim] == 1 && (place[dim] < operand.begin(dim) || place[dim] >= operand.end(dim));
    }
    for (int i = 0; i < numbers.operand_batching_dims_size(); ++i) {
      int64_t dim = numbers.start_indices_batching_dims(i);
      if (numbers.index_vector_dim() < dim) --dim;
      place[numbers.operand_batching_dims(i)] = batch[dim];
    }
    for (size_t i = 0; i < window_dims.size(); ++i) {
      place[window_dims[i]] += index[numbers.offset_dims(static_cast<int>(i))];
    }
    return is_indexed_elsewhere ? 0 : operand.At(place);
  });
}

// The operand's place that an update goes to; {-1} where a part of its window falls outside, which
// drops all of the window.
Dims ScatterPlace(const Operation& it, const Block& indices, const Dims& update_index) {
  const auto& numbers = it.instruction->scatter_dimension_numbers();
  const Block &operand = it.operands[0], &updates = it.operands[it.results.size() + 1];
  Dims batch, place(operand.rank(), 0);
  for (const int64_t dim :
       Others(static_cast<int>(update_index.size()), numbers.update_window_dims())) {
    batch.push_back(update_index[dim]);
  }
  const Dims vector = IndexVector(indices, batch, numbers.index_vector_dim());
  for (size_t c = 0; c < vector.size(); ++c) {
    place[numbers.scatter_dims_to_operand_dims(static_cast<int>(c))] = vector[c];
  }
  for (int i = 0; i < numbers.input_batching_dims_size(); ++i) {
    int64_t dim = numbers.scatter_indices_batching_dims(i);
    if (numbers.index_vector_dim() < dim) --dim;
    place[numbers.input_batching_dims(i)] = batch[dim];
  }
  const auto window_dims =
      Others(operand.rank(), numbers.inserted_window_dims(), numbers.input_batching_dims());
  Dims first = place, last = place;
  for (size_t i = 0; i < window_dims.size(); ++i) {
    const int64_t dim = numbers.update_window_dims(static_cast<int>(i));
    place[window_dims[i]] += update_index[dim];
    last[window_dims[i]] += updates.whole[dim] - 1;
  }
  for (int d = 0; d < operand.rank(); ++d) {
    if (first[d] < 0 || last[d] >= operand.whole[d]) return {-1};
  }
  return place;
}

std::vector<Array> Scatter(const Operation& it) {
  const size_t n = it.results.size();
  std::vector<Array> arrays;
  // Results that lie in different places cannot be combined.
  bool is_together = true;
  for (const Block& result : it.results) {
    is_together &=
        result.offset == it.results[0].offset && result.array.dims == it.results[0].array.dims;
  }
  for (size_t i = 0; i < n; ++i) {
    arrays.push_back(it.results[i].Filled([&](const Dims& index) {
      return is_together ? it.operands[i].At(index) : Number{kAbsent};
    }));
  }
  if (!is_together) return arrays;
  const Block &place_of_result = it.results[0], &first_update = it.operands[n + 1];
  first_update.ForEach([&](const Dims& index) {
    const Dims place = ScatterPlace(it, it.operands[n], index);
    if (place.size() != place_of_result.whole.size() || !place_of_result.Holds(place)) return;
    int64_t flat = 0;
    for (size_t d = 0; d < place.size(); ++d) {
      flat = flat * place_of_result.array.dims[d] + place[d] - place_of_result.offset[d];
    }
    std::vector<Number> arguments;
    for (const Array& array : arrays) arguments.push_back(array.values[flat]);
    for (size_t u = 0; u < n; ++u) arguments.push_back(it.operands[n + 1 + u].At(index));
    const auto combined = Apply(*it.graph, *it.instruction, 0, arguments);
    for (size_t i = 0; i < n; ++i) arrays[i].values[flat] = combined[i];
  });
  return arrays;
}

}  // namespace

std::vector<Array> EvaluateIndexed(const Operation& it) {
  switch (it.opcode) {
    case Opcode::kDynamicSlice:
      return {DynamicSlice(it)};
    case Opcode::kDynamicUpdateSlice:
      return {DynamicUpdateSlice(it)};
    case Opcode::kGather:
      return {Gather(it)};
    default:
      return Scatter(it);
  }
}

}  // namespace automap::interpreter
