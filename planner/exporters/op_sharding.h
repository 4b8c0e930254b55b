// Shardings in XLA's own words.
#pragma once

#include "automap/v1/plan.pb.h"
#include "planner/plan/decisions.h"
#include "xla/hlo.pb.h"

namespace automap {

// How many devices a plan's mesh has, and which of its axes split which dim of an array.
struct MeshSharding {
  std::vector<int64_t> axis_sizes;             // major first
  std::vector<std::vector<int32_t>> dim_axes;  // by dim: axes, major first
};

// Devices are numbered row-major over the axes. Axes that split nothing hold copies.
xla::OpSharding ToOpSharding(const MeshSharding& sharding);

// The inverse, for any sharding that one mesh of these axes can express. INVALID_ARGUMENT for
// others.
absl::StatusOr<MeshSharding> FromOpSharding(const xla::OpSharding& sharding, int rank,
                                            const std::vector<int64_t>& axis_sizes);

// Of a tensor after propagation, one propagation per axis.
MeshSharding ShardingOf(TensorId tensor, absl::Span<const Propagation* const> axes);

// How a node reads an operand: with what its selected factors take of it.
MeshSharding ReadSharding(NodeId node, int32_t operand, absl::Span<const Propagation* const> axes);

// One sharding for a value of these leaves: the leaf's own, or a tuple of them.
xla::OpSharding ValueSharding(bool is_tuple, absl::Span<const TensorId> leaves,
                              absl::Span<const Propagation* const> axes);

}  // namespace automap
