#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

// ", i0, i1": a scalar index for each dim.
std::string ScalarIndices(RandomModule& module, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&text, ", ", module.Operand("s32", {}).name);
  }
  return text;
}

void AddDynamicSlice(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  Dims to = x.dims;
  for (int64_t& size : to) size = module.Chance(50) ? size : 1 + module.Below(size);
  const std::string indices = ScalarIndices(module, to.size());
  module.Emit(
      "f32", to,
      absl::StrCat("dynamic-slice(", x.name, indices, "), dynamic_slice_sizes=", Braced(to)));
}

void AddDynamicUpdateSlice(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  Dims update = x.dims;
  for (int64_t& size : update) size = module.Chance(50) ? size : 1 + module.Below(size);
  const std::string small = module.Operand("f32", update).name;
  const std::string indices = ScalarIndices(module, update.size());
  module.Emit("f32", x.dims,
              absl::StrCat("dynamic-update-slice(", x.name, ", ", small, indices, ")"));
}

// How the dims of an array are looked up: batching with the indices, indexed, or neither; and the
// dims of the batch of lookups.
struct Lookup {
  Dims operand, batch;     // sizes
  Dims batching;           // operand dims that go along with a batch dim, in pairs with ...
  Dims batching_in_batch;  // ... these
  Dims indexed;            // operand dims with a component in the index vector, in that order
  Dims slice;              // sizes of a slice
  Dims dropped;            // indexed dims of slice size 1 that the window leaves out
  int64_t vector_dim = 0;  // place of the index vector among the dims of the indices
};

Lookup DrawLookup(RandomModule& module) {
  Lookup it;
  it.operand = module.Shape(1, 3);
  it.batch = module.Shape(0, 2);
  it.slice = it.operand;
  const auto order = module.Permutation(static_cast<int64_t>(it.operand.size()));
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t dim = order[i];
    const bool must_index = it.indexed.empty() && i + 1 == order.size();
    if (it.batching.size() < it.batch.size() && !must_index && module.Chance(30)) {
      const int64_t pair = static_cast<int64_t>(it.batching.size());
      it.batch[pair] = it.operand[dim];
      it.batching.push_back(dim), it.batching_in_batch.push_back(pair);
      it.slice[dim] = 1;
    } else if (must_index || module.Chance(50)) {
      it.indexed.push_back(dim);
      const bool is_row = module.Chance(70);
      if (is_row) it.slice[dim] = 1;
      if (!is_row && module.Chance(50)) it.slice[dim] = 1 + module.Below(it.operand[dim]);
      if (it.slice[dim] == 1 && module.Chance(80)) it.dropped.push_back(dim);
    }
  }
  std::sort(it.dropped.begin(), it.dropped.end());
  it.vector_dim = module.Below(static_cast<int64_t>(it.batch.size()) + 1);
  return it;
}

// Indices of a lookup; with some chance one component is the position along a batch dim.
std::string Indices(RandomModule& module, const Lookup& it) {
  Dims dims = it.batch;
  dims.insert(dims.begin() + it.vector_dim, static_cast<int64_t>(it.indexed.size()));
  if (it.batch.empty() || it.indexed.empty() || module.Chance(60)) {
    return module.Operand("s32", dims).name;
  }
  const int64_t along = module.Below(static_cast<int64_t>(it.batch.size()));
  const int64_t counted = module.Below(static_cast<int64_t>(it.indexed.size()));
  std::vector<std::string> pieces;
  dims[it.vector_dim] = 1;
  for (size_t c = 0; c < it.indexed.size(); ++c) {
    if (static_cast<int64_t>(c) != counted) {
      pieces.push_back(module.Operand("s32", dims).name);
      continue;
    }
    const int64_t dim = along + (along >= it.vector_dim ? 1 : 0);
    pieces.push_back(module.Emit("s32", dims, absl::StrCat("iota(), iota_dimension=", dim)).name);
  }
  if (pieces.size() == 1) return pieces[0];
  dims[it.vector_dim] = static_cast<int64_t>(pieces.size());
  return module
      .Emit("s32", dims,
            absl::StrCat("concatenate(", absl::StrJoin(pieces, ", "), "), dimensions={",
                         it.vector_dim, "}"))
      .name;
}

Dims InIndices(const Lookup& it) {
  Dims dims = it.batching_in_batch;
  for (int64_t& dim : dims) dim += dim >= it.vector_dim ? 1 : 0;
  return dims;
}

// The result of a gather, or the updates of a scatter: dims of the batch and of the window in one
// order, and which of them are the window's.
struct Window {
  Dims dims, places;
};

Window DrawWindow(RandomModule& module, const Lookup& it) {
  Dims window;
  for (size_t d = 0; d < it.operand.size(); ++d) {
    const auto is_d = [&](int64_t dim) { return dim == static_cast<int64_t>(d); };
    if (std::any_of(it.dropped.begin(), it.dropped.end(), is_d)) continue;
    if (std::any_of(it.batching.begin(), it.batching.end(), is_d)) continue;
    window.push_back(it.slice[d]);
  }
  Window drawn;
  const size_t rank = window.size() + it.batch.size();
  Dims order = module.Permutation(static_cast<int64_t>(rank));
  order.resize(window.size());
  std::sort(order.begin(), order.end());
  drawn.places = order;
  size_t w = 0, b = 0;
  for (size_t d = 0; d < rank; ++d) {
    const bool is_window = w < order.size() && order[w] == static_cast<int64_t>(d);
    drawn.dims.push_back(is_window ? window[w] : it.batch[b]);
    is_window ? ++w : ++b;
  }
  return drawn;
}

void AddGather(RandomModule& module) {
  const Lookup it = DrawLookup(module);
  const Window window = DrawWindow(module, it);
  const std::string operand = module.Operand("f32", it.operand).name;
  const std::string indices = Indices(module, it);
  module.Emit(
      "f32", window.dims,
      absl::StrCat("gather(", operand, ", ", indices, "), offset_dims=", Braced(window.places),
                   ", collapsed_slice_dims=", Braced(it.dropped), ", start_index_map=",
                   Braced(it.indexed), ", operand_batching_dims=", Braced(it.batching),
                   ", start_indices_batching_dims=", Braced(InIndices(it)),
                   ", index_vector_dim=", it.vector_dim, ", slice_sizes=", Braced(it.slice)));
}

void AddScatter(RandomModule& module) {
  const Lookup it = DrawLookup(module);
  const Window window = DrawWindow(module, it);
  constexpr const char* kReducers[] = {"add_f32", "add_f32", "maximum_f32", "minimum_f32",
                                       "second_f32"};
  const bool is_double = module.Chance(15);
  const std::string operand = module.Operand("f32", it.operand).name;
  const std::string indices = Indices(module, it);
  const std::string update = module.Operand("f32", window.dims).name;
  const std::string attributes = absl::StrCat(
      "update_window_dims=", Braced(window.places), ", inserted_window_dims=", Braced(it.dropped),
      ", scatter_dims_to_operand_dims=", Braced(it.indexed),
      ", input_batching_dims=", Braced(it.batching),
      ", scatter_indices_batching_dims=", Braced(InIndices(it)),
      ", index_vector_dim=", it.vector_dim, ", to_apply=");
  if (is_double) {
    const std::string operand2 = module.Operand("f32", it.operand).name;
    const std::string update2 = module.Operand("f32", window.dims).name;
    return module.EmitTuple({{"f32", "", it.operand}, {"f32", "", it.operand}},
                            absl::StrCat("scatter(", operand, ", ", operand2, ", ", indices, ", ",
                                         update, ", ", update2, "), ", attributes, "add_both"));
  }
  module.Emit("f32", it.operand,
              absl::StrCat("scatter(", operand, ", ", indices, ", ", update, "), ", attributes,
                           kReducers[module.Below(5)]));
}

}  // namespace

bool AddIndexed(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kDynamicSlice:
      return AddDynamicSlice(module), true;
    case Opcode::kDynamicUpdateSlice:
      return AddDynamicUpdateSlice(module), true;
    case Opcode::kGather:
      return AddGather(module), true;
    case Opcode::kScatter:
      return AddScatter(module), true;
    default:
      return false;
  }
}

}  // namespace automap
