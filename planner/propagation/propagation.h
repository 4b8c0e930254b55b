// Strict propagation on one mesh axis: what follows when some tensors are split.
//
// Supply is hard. A tensor that is split in a dim must be used split by every reader: the reader's
// factor of that dim becomes selected, and with it every result dim of the factor becomes split. No
// factor there, a halo, a factor that the axis does not divide, or a second factor in one node is a
// conflict. Demand is soft: operands that a selected factor wants split are sliced for nothing. A
// new value that is split makes the parameter that it replaces split. What is left undecided at the
// end is replicated, so a conflict-free result is a complete plan.
//
// Beyond strict (semantics.h): a composite split carries the `outer` of its dim along; a padded
// array is split although the axis does not divide it; at a cut (cuts.h) a split is not handed on.
//
// Every rule has one premise. Hence the result does not depend on the order of work, it is
// monotone, and a set of decisions conflicts exactly when two of them do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "planner/propagation/cuts.h"
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
  std::vector<int32_t> factor_outer;  // by FactorId, of the splits so far
  // Split dim by tensor (-1 where whole) with the axis's size, axis by axis.
  std::vector<std::pair<int64_t, std::vector<int8_t>>> axes;
  bool operator==(const PriorSplits&) const = default;
};

// What a reader does with a split of what it reads: the factor that becomes selected, or why it
// cannot.
struct Selection {
  FactorId factor = -1;
  int32_t outer = 1;  // of the split within the factor
  std::optional<ConflictClass> refusal;
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

  // From now on no split passes a cut. `cuts` must outlive this; null: none.
  void SetCuts(const Cuts* cuts) { cuts_ = cuts; }
  const Cuts* cuts() const { return cuts_; }

  // The split dim of a tensor, or -1.
  int32_t split_dim(TensorId tensor) const { return tensor_dim_[tensor]; }
  // The split of a tensor that is split.
  TensorDim split(TensorId tensor) const {
    return {tensor, tensor_dim_[tensor], outer_of(tensor_outer_, tensor)};
  }
  // The selected factor of a node, or -1.
  FactorId selected(NodeId node) const { return node_factor_[node]; }
  // The `outer` of a selected factor's split within the factor.
  int32_t selected_outer(NodeId node) const { return outer_of(node_outer_, node); }

  // Everything that was split or selected, in the order in which it happened: tensors as ~id, nodes
  // as id.
  absl::Span<const int32_t> trail() const { return trail_; }
  // Where in the trail the consequences of each decision begin, in order; decisions that changed
  // nothing are left out.
  absl::Span<const int32_t> decision_begins() const { return decision_begins_; }
  static bool IsTensor(int32_t entry) { return entry < 0; }
  static TensorId AsTensor(int32_t entry) { return ~entry; }
  static NodeId AsNode(int32_t entry) { return entry; }

  const Wiring& wiring() const { return *wiring_; }
  const PropagationOptions& options() const { return options_; }
  // What a reader of a tensor does with this split of it, whatever else is split.
  Selection SelectionOf(const Wiring::Use& use, TensorDim place) const {
    const Wiring::InnerFactor inner = FactorOf(use, place);
    return {inner.factor, inner.outer, Refusal(inner.factor, inner.outer)};
  }
  // A result dim of a selected factor as a split with `outer` within the factor splits it.
  static TensorDim ResultOf(TensorDim result, int32_t outer) {
    return {result.tensor, result.dim, result.outer * outer};
  }
  // Why a tensor cannot be split so, whoever reads it; only what enters or leaves the step refuses.
  std::optional<ConflictClass> BorderRefusal(TensorDim place) const;

 private:
  static int32_t outer_of(const std::vector<int32_t>& outers, int32_t id) {
    return outers.empty() ? 1 : outers[id];
  }
  Wiring::InnerFactor FactorOf(const Wiring::Use& use, const TensorDim& place) const {
    return place.outer == 1 ? Wiring::InnerFactor{wiring_->factor_of(use, place.dim), 1}
                            : wiring_->FactorAt(use, place.dim, place.outer);
  }
  std::optional<ConflictClass> Refusal(FactorId factor, int32_t outer) const {
    if (factor < 0) return ConflictClass::kNeedsWhole;
    return outer == 1 ? verdict_[factor] : RefusalWithin(factor, outer);
  }
  std::optional<ConflictClass> RefusalWithin(FactorId factor, int32_t outer) const;
  bool CanBePadded(FactorId factor) const;
  std::optional<Conflict> Run(size_t first);
  std::optional<Conflict> SplitTensor(TensorDim decision, NodeId cause);
  // Whether a split of a tensor is there already or nothing is in its way; then it is taken.
  bool Take(const TensorDim& place);

  const Wiring* wiring_;
  PropagationOptions options_;
  const PriorSplits* prior_;
  const ForbiddenDims* forbidden_ = nullptr;
  const Cuts* cuts_ = nullptr;
  std::vector<std::optional<ConflictClass>> verdict_;  // by factor, of a split of all of it
  std::vector<int8_t> tensor_dim_;
  std::vector<FactorId> node_factor_;
  std::vector<int32_t> tensor_outer_, node_outer_;  // empty without composite splits
  std::vector<int32_t> trail_;
  std::vector<int32_t> decision_begins_;
};

// Adds the splits of a finished propagation to those of the axes before it.
PriorSplits WithSplits(const PriorSplits& prior, const Propagation& propagation);

// Whether splits on one more axis of that size go the same way after `a` as after `b`: the same is
// split in both, and what is left of it can be cut again or cannot, in however many parts it is.
// O(factors + tensors).
bool LeaveAlike(const Wiring& wiring, const PriorSplits& a, const PriorSplits& b,
                int64_t axis_size);

}  // namespace automap
