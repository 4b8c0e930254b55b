// Strict propagation on one mesh axis: what follows when some tensors are split.
//
// Supply is hard. A tensor that is split in a dim must be used split by every reader: the reader's
// factor of that dim becomes selected, and with it every result dim of the factor becomes split. No
// factor there, a halo, a factor that the axis does not divide, or a second factor in one node is a
// conflict. Demand is soft: operands that a selected factor wants split are sliced for nothing. A
// new value that is split makes the parameter that it replaces split. What is left undecided at the
// end is replicated, so a conflict-free result is a complete plan.
//
// Every rule has one premise. Hence the result does not depend on the order of work, it is
// monotone, and a set of decisions conflicts exactly when two of them do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "planner/propagation/semantics.h"
#include "planner/propagation/wiring.h"

namespace automap {

struct PropagationOptions {
  // Devices on the axis, >= 2.
  int64_t axis_size = 2;
  Semantics semantics = {};
  bool operator==(const PropagationOptions&) const = default;
};

// kForbidden never leaves this folder: the demand is a known infeasible one, whose own conflict
// says why.
enum class ConflictClass : uint8_t {
  kSizeOne,
  kNotDivisible,
  kTwoFactors,
  kNeedsWhole,
  kHalo,
  kOtherDim,
  kForbidden
};

// Upper-case name, "TWO_FACTORS".
absl::string_view ConflictClassName(ConflictClass conflict);

// Where propagation stopped: `tensor` is split in `dim`, and `node` (the reader, or the producer of
// a second split of the tensor) cannot have it.
struct Conflict {
  ConflictClass kind = ConflictClass::kTwoFactors;
  NodeId node = -1;
  TensorDim demand;
  // kTwoFactors: the factor selected before. kOtherDim: -1.
  FactorId other = -1;
  bool operator==(const Conflict&) const = default;
};

// Dims of tensors that are known to be infeasible: bit d of the tensor's entry. Saves finding out
// again.
using ForbiddenDims = std::vector<uint64_t>;

// How many parts each factor and dimension is already cut into by the axes propagated before.
// Empty: none.
struct PriorSplits {
  std::vector<int32_t> factor_parts;  // by FactorId, 1 where whole
  bool operator==(const PriorSplits&) const = default;
};

// The state on one axis, with undo. Not thread-safe; copyable (a copy continues on its own).
class Propagation {
 public:
  Propagation(const Wiring& wiring, PropagationOptions options, const PriorSplits* prior = nullptr);

  // Splits a tensor's dim and everything that follows, or finds a conflict; after a conflict the
  // state is as before the call. Splitting what is split already changes nothing. O(what changes).
  std::optional<Conflict> Split(TensorDim decision);

  // From now on a split of a forbidden dim is a conflict at once. The mask must outlive this; null:
  // nothing is.
  void Forbid(const ForbiddenDims* forbidden) { forbidden_ = forbidden; }

  // A point to return to, and the return. O(what was changed since).
  int32_t mark() const { return static_cast<int32_t>(trail_.size()); }
  void UndoTo(int32_t mark);

  // The split dim of a tensor, or -1.
  int32_t split_dim(TensorId tensor) const { return tensor_dim_[tensor]; }
  // The selected factor of a node, or -1.
  FactorId selected(NodeId node) const { return node_factor_[node]; }

  // Everything that was split or selected, in the order in which it happened: tensors as ~id, nodes
  // as id.
  absl::Span<const int32_t> trail() const { return trail_; }
  static bool IsTensor(int32_t entry) { return entry < 0; }
  static TensorId AsTensor(int32_t entry) { return ~entry; }
  static NodeId AsNode(int32_t entry) { return entry; }

  const Wiring& wiring() const { return *wiring_; }
  const PropagationOptions& options() const { return options_; }
  // Size of a factor that is left for this axis.
  int64_t left(FactorId factor) const;

  // Whether a split of `dim` through `factor` is refused whatever else is split, and why.
  std::optional<ConflictClass> Refusal(FactorId factor) const;

 private:
  std::optional<Conflict> Run(size_t first);
  std::optional<Conflict> SplitTensor(TensorDim decision, NodeId cause);

  const Wiring* wiring_;
  PropagationOptions options_;
  const PriorSplits* prior_;
  const ForbiddenDims* forbidden_ = nullptr;
  std::vector<int8_t> tensor_dim_;
  std::vector<FactorId> node_factor_;
  std::vector<int32_t> trail_;
};

// Adds the splits of a finished propagation to those of the axes before it.
PriorSplits WithSplits(const PriorSplits& prior, const Propagation& propagation);

}  // namespace automap
