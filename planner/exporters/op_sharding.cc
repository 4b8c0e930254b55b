#include "planner/exporters/op_sharding.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace automap {
namespace {

// Devices in the order of the tiles: explicit list, or an iota that is reshaped and transposed.
std::vector<int64_t> DeviceOrder(const xla::OpSharding& sharding) {
  if (sharding.tile_assignment_devices_size() > 0) {
    return {sharding.tile_assignment_devices().begin(), sharding.tile_assignment_devices().end()};
  }
  const auto& shape = sharding.iota_reshape_dims();
  const auto& order = sharding.iota_transpose_perm();
  std::vector<int64_t> strides(shape.size(), 1);
  for (int i = shape.size() - 2; i >= 0; --i) strides[i] = strides[i + 1] * shape[i + 1];
  std::vector<int64_t> devices = {0};
  for (const int32_t axis : order) {
    if (axis < 0 || axis >= shape.size()) return {};
    std::vector<int64_t> next;
    for (const int64_t device : devices) {
      for (int64_t i = 0; i < shape[axis]; ++i) next.push_back(device + i * strides[axis]);
    }
    devices = std::move(next);
    if (devices.size() > (1 << 20)) return {};
  }
  return devices;
}

}  // namespace

xla::OpSharding ToOpSharding(const MeshSharding& sharding) {
  xla::OpSharding proto;
  std::vector<int32_t> order;
  for (const auto& axes : sharding.dim_axes) order.insert(order.end(), axes.begin(), axes.end());
  if (order.empty()) {
    proto.set_type(xla::OpSharding::REPLICATED);
    return proto;
  }
  proto.set_type(xla::OpSharding::OTHER);
  int64_t copies = 1;
  for (const auto& axes : sharding.dim_axes) {
    int64_t parts = 1;
    for (const int32_t axis : axes) parts *= sharding.axis_sizes[axis];
    proto.add_tile_assignment_dimensions(parts);
  }
  for (size_t axis = 0; axis < sharding.axis_sizes.size(); ++axis) {
    if (std::find(order.begin(), order.end(), axis) != order.end()) continue;
    order.push_back(static_cast<int32_t>(axis));
    copies *= sharding.axis_sizes[axis];
  }
  if (copies > 1) {
    proto.add_tile_assignment_dimensions(copies);
    proto.set_replicate_on_last_tile_dim(true);
  }
  if (std::is_sorted(order.begin(), order.end())) {  // plain counting
    proto.add_iota_reshape_dims(std::accumulate(sharding.axis_sizes.begin(),
                                                sharding.axis_sizes.end(), int64_t{1},
                                                std::multiplies<int64_t>()));
    proto.add_iota_transpose_perm(0);
    return proto;
  }
  for (const int64_t size : sharding.axis_sizes) proto.add_iota_reshape_dims(size);
  for (const int32_t axis : order) proto.add_iota_transpose_perm(axis);
  return proto;
}

absl::StatusOr<MeshSharding> FromOpSharding(const xla::OpSharding& sharding, int rank,
                                            const std::vector<int64_t>& axis_sizes) {
  MeshSharding mesh = {axis_sizes, std::vector<std::vector<int32_t>>(rank)};
  if (sharding.type() == xla::OpSharding::REPLICATED) return mesh;
  const std::vector<int64_t> devices = DeviceOrder(sharding);
  const bool has_copies = sharding.replicate_on_last_tile_dim();
  if (sharding.type() != xla::OpSharding::OTHER ||
      sharding.tile_assignment_dimensions_size() != rank + (has_copies ? 1 : 0)) {
    return absl::InvalidArgumentError("sharding: must tile each dimension");
  }
  // Each dim takes the axes that make its tile count; the order of devices says which.
  std::map<std::vector<int64_t>, MeshSharding> known;
  std::vector<int32_t> axes(axis_sizes.size());
  std::iota(axes.begin(), axes.end(), 0);
  do {
    MeshSharding candidate = {axis_sizes, std::vector<std::vector<int32_t>>(rank)};
    size_t next = 0;
    bool fits = true;
    for (int dim = 0; dim < rank && fits; ++dim) {
      int64_t parts = 1;
      while (parts < sharding.tile_assignment_dimensions(dim) && next < axes.size()) {
        parts *= axis_sizes[axes[next]];
        candidate.dim_axes[dim].push_back(axes[next++]);
      }
      fits = parts == sharding.tile_assignment_dimensions(dim);
    }
    if (fits && DeviceOrder(ToOpSharding(candidate)) == devices) return candidate;
  } while (std::next_permutation(axes.begin(), axes.end()));
  return absl::InvalidArgumentError("sharding: is none of this mesh");
}

MeshSharding ShardingOf(TensorId tensor, absl::Span<const Propagation* const> axes) {
  MeshSharding sharding;
  for (const Propagation* axis : axes) sharding.axis_sizes.push_back(axis->options().axis_size);
  if (axes.empty()) return sharding;
  sharding.dim_axes.resize(axes[0]->wiring().graph().tensor(tensor).rank);
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const int32_t dim = axes[axis]->split_dim(tensor);
    if (dim >= 0) sharding.dim_axes[dim].push_back(static_cast<int32_t>(axis));
  }
  return sharding;
}

MeshSharding ReadSharding(NodeId node, int32_t operand, absl::Span<const Propagation* const> axes) {
  MeshSharding sharding;
  for (const Propagation* axis : axes) sharding.axis_sizes.push_back(axis->options().axis_size);
  if (axes.empty()) return sharding;
  const Wiring& wiring = axes[0]->wiring();
  const Graph& graph = wiring.graph();
  sharding.dim_axes.resize(graph.tensor(graph.operands(node)[operand]).rank);
  const auto factors = wiring.operand_factors(node);
  if (factors.empty()) return sharding;
  const int32_t begin = wiring.PlaceOf(node, operand) - wiring.PlaceOf(node, 0);
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const FactorId selected = axes[axis]->selected(node);
    for (size_t dim = 0; selected >= 0 && dim < sharding.dim_axes.size(); ++dim) {
      if (factors[begin + dim] == selected) {
        sharding.dim_axes[dim].push_back(static_cast<int32_t>(axis));
      }
    }
  }
  return sharding;
}

xla::OpSharding ValueSharding(bool is_tuple, absl::Span<const TensorId> leaves,
                              absl::Span<const Propagation* const> axes) {
  if (!is_tuple && leaves.size() == 1) return ToOpSharding(ShardingOf(leaves[0], axes));
  xla::OpSharding tuple;
  tuple.set_type(xla::OpSharding::TUPLE);
  for (const TensorId leaf : leaves) {
    *tuple.add_tuple_shardings() = ToOpSharding(ShardingOf(leaf, axes));
  }
  if (leaves.empty()) tuple.add_tuple_shardings()->set_type(xla::OpSharding::REPLICATED);
  return tuple;
}

}  // namespace automap
