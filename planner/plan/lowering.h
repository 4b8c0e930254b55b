// From a graph with splits to the program that the simulator prices.
//
// Fusion model. HLO before optimisation is unfused, so counting every operation's reads and writes
// would charge an activation function several times. Here an array is *materialized* unless
//   - its producer is a cheap map (element-wise, broadcast, iota, constant, convert, pad, slice,
//   transpose, ...) and
//   - it has one reader, or the producer only repeats or makes values (broadcast, iota, constant),
//   and
//   - every reader is itself a cheap map or a reduction.
// An operation is charged the materialized arrays that it reads and writes; one that writes none is
// part of its reader's kernel and has no launch of its own. Reshapes, loop and branch identities
// and updates in place (dynamic-update-slice, scatter, the new value of a parameter) rename memory
// instead of copying it. Memory counts fewer arrays than that: those that are better worked out
// again are not kept (recomputed.h); whoever reads one is charged for reading what it is made of.
#pragma once

#include <vector>

#include "planner/plan/lifetimes.h"
#include "planner/propagation/propagation.h"
#include "planner/propagation/wiring.h"
#include "simulator/program.h"

namespace automap {

// Work of one node that does not depend on splits.
struct NodeWork {
  ComputeKind kind = ComputeKind::kMemory;
  NumberType type = NumberType::kF32;
  Flops flops;
  int32_t launches = 1;
  bool is_free = true;  // no work at all: a renaming, or a constant
};

// Everything about a graph that lowering needs and that no split changes. Immutable; O(slots) to
// build.
class Lowering {
 public:
  Lowering(const Wiring& wiring, const Roles& roles);

  const Wiring& wiring() const { return *wiring_; }

  // Measured over modelled time by node, 1 where nothing was measured; steps carry it from now on.
  void SetScales(std::vector<double> scales) { scales_ = std::move(scales); }

  // The step of a node under the splits of `axes` (one propagation for each mesh axis, major
  // first).
  ComputeStep StepOf(NodeId node, absl::Span<const Propagation* const> axes) const;
  // The same when the node additionally has `factor` cut into `parts`; used to price one decision.
  ComputeStep StepOf(NodeId node, absl::Span<const Propagation* const> axes, FactorId factor,
                     double parts) const;

  // The order in which the nodes run (memory_order.h), and a node's place in it.
  const std::vector<NodeId>& order() const { return order_; }
  int32_t place_of(NodeId node) const { return place_of_[node]; }

  // The whole program, in that order. Buffers carry the tensor in `label`. O(slots).
  Program Lower(absl::Span<const Propagation* const> axes) const;

  // Memory of the whole graph without splits, in the order of Lower's buffers; `label` is the
  // tensor, steps are places in the order.
  const std::vector<Buffer>& buffers() const { return buffers_; }
  // The buffer that holds a tensor, or -1 when it has no memory of its own or is not kept.
  int32_t buffer_of(TensorId tensor) const { return buffer_of_[tensor]; }

  // Whether a node does any work (and has a step).
  bool HasStep(NodeId node) const { return !work_[node].is_free; }

  // Bytes of all variables, which is what their gradients have together.
  Bytes variables() const { return variables_; }

  // Whether products depend on an array (feeds_products.h).
  bool FeedsProducts(TensorId tensor) const { return feeds_products_[tensor]; }

  // Bytes of a whole array.
  Bytes SizeOf(TensorId tensor) const { return sizes_[tensor]; }

 private:
  void MeasureSizes();
  void FindStorage();
  void MarkMaterialized();
  void MeasureWork();
  void FindLifetimes(const Roles& roles);
  std::vector<bool> NewArrays(const Storage& kept, const Roles& roles) const;
  bool IsMaterialized(TensorId tensor) const {
    return storage_.is_materialized[storage_.of[tensor]];
  }

  const Wiring* wiring_;
  const Graph* graph_;
  std::vector<Bytes> sizes_;  // by tensor
  Storage storage_;
  std::vector<bool> feeds_products_;  // by tensor
  Bytes variables_;
  std::vector<NodeWork> work_;
  std::vector<float> reread_;   // by array, recomputed.h
  std::vector<double> scales_;  // empty: all 1
  std::vector<NodeId> order_;
  std::vector<int32_t> place_of_;  // by node
  std::vector<Buffer> buffers_;
  std::vector<int32_t> buffer_of_;
};

// Into how many of its largest block a dim of `size` is cut by an axis: the axis's size where that
// divides, less where the last devices have padding.
double PartsOf(int64_t size, int64_t axis_size);
// The same for a factor of a node.
double PartsOf(const Wiring::FactorInfo& factor, int64_t axis_size);
// The whole of a tensor over the largest block that a device holds under the splits of `axes`.
double PartsOf(TensorId tensor, absl::Span<const Propagation* const> axes);

}  // namespace automap
