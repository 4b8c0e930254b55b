// The collectives that the consequences of one decision need.
//
// Strict: one all-reduce for every partial result, at once. With deferred sums, a partial sum that
// has one reader travels on through reshapes, transposes and negations, and through an addition or
// subtraction whose other operand is such a sum as well; the array at which it can go no further is
// all-reduced; if all its readers take the same slice, it is reduce-scattered. With reshards, each
// cut operand is gathered, or split anew where the node works on another dim of it. With padding, a
// reshape between an even and a padded cut moves blocks to their neighbours.
//
// Only what follows from the same decision counts, so that the collectives of a plan are the sum
// over its decisions.
#pragma once

#include <optional>
#include <vector>

#include "planner/plan/lowering.h"
#include "planner/propagation/consequences.h"

namespace automap {

struct PlacedCollective {
  NodeId node = -1;
  bool is_before = false;  // the node's own step; else after it
  NodeId until = -1;       // the last reader of a gathered copy
  TensorId tensor = -1;    // what is moved
  FactorId factor = -1;    // a selected factor that it follows from; -1 at cuts
  CollectiveStep step;
};

struct AxisOfPlan {
  int32_t number = 0;  // in the mesh
  int64_t size = 2;
  Semantics semantics = {};
  const Cuts* cuts = nullptr;  // may be null: none
};

// `others` are the propagations of the other axes, for what they divide out. In node order.
// O(consequences).
std::vector<PlacedCollective> CollectivesOf(const Lowering& lowering,
                                            const Consequences& consequences,
                                            const AxisOfPlan& axis,
                                            absl::Span<const Propagation* const> others);

// The whole copy that an all-gather of a cut operand makes, with places in the lowering's order for
// steps; none for other collectives.
std::optional<Buffer> GatheredCopy(const Lowering& lowering, const PlacedCollective& collective);

struct CollectiveSum {
  int64_t count = 0;  // times the trip counts around them
  double bytes = 0;   // of the whole arrays
};

CollectiveSum SumOf(CollectiveKind kind, absl::Span<const PlacedCollective> collectives);

// All collectives of axis number `axis` of a plan, in node order.
std::vector<PlacedCollective> CollectivesOf(const Lowering& lowering, int32_t axis,
                                            absl::Span<const Propagation* const> axes);

}  // namespace automap
