#include "planner/propagation/propagation.h"

namespace automap {
namespace {

// How many parts the axes before cut a dim into.
int64_t PartsOf(const PriorSplits& prior, TensorId tensor, int32_t dim) {
  int64_t parts = 1;
  for (const auto& [size, dims] : prior.axes) {
    if (dims[tensor] == dim) parts *= size;
  }
  return parts;
}

}  // namespace

absl::string_view ConflictClassName(ConflictClass conflict) {
  switch (conflict) {
    case ConflictClass::kSizeOne:
      return "SIZE_ONE";
    case ConflictClass::kNotDivisible:
      return "NOT_DIVISIBLE";
    case ConflictClass::kTwoFactors:
      return "TWO_FACTORS";
    case ConflictClass::kNeedsWhole:
      return "NEEDS_WHOLE";
    case ConflictClass::kHalo:
      return "HALO";
    case ConflictClass::kOtherDim:
      return "OTHER_DIM";
    case ConflictClass::kForbidden:
      return "FORBIDDEN";
  }
  return "UNKNOWN";
}

Propagation::Propagation(const Wiring& wiring, PropagationOptions options, const PriorSplits* prior)
    : wiring_(&wiring),
      options_(options),
      prior_(prior != nullptr && !prior->factor_parts.empty() ? prior : nullptr),
      tensor_dim_(wiring.graph().tensor_count(), -1),
      node_factor_(wiring.graph().node_count(), -1) {
  verdict_.reserve(wiring.factor_count());
  for (FactorId factor = 0; factor < wiring.factor_count(); ++factor) {
    verdict_.push_back(RefusalWithin(factor, 1));
  }
  if (!options.semantics.composite_splits) return;
  tensor_outer_.assign(wiring.graph().tensor_count(), 1);
  node_outer_.assign(wiring.graph().node_count(), 1);
}

// A second axis may cut the rest of a dim further only where the first one cut it.
std::optional<ConflictClass> Propagation::RefusalWithin(FactorId factor, int32_t outer) const {
  const Wiring::FactorInfo& info = wiring_->factor(factor);
  if (info.kind == FactorKind::kHalo) return ConflictClass::kHalo;
  if (info.is_composite && !options_.semantics.composite_splits) return ConflictClass::kNeedsWhole;
  if (info.is_reduce && options_.semantics.paper_rule) return ConflictClass::kNeedsWhole;
  const int64_t parts = prior_ != nullptr ? prior_->factor_parts[factor] : 1;
  if (parts > 1 && prior_->factor_outer[factor] != outer) return ConflictClass::kNotDivisible;
  if (info.size % (parts * outer * options_.axis_size) == 0) return std::nullopt;
  const bool is_padded = parts == 1 && outer == 1 && CanBePadded(factor);
  return is_padded ? std::nullopt : std::optional(ConflictClass::kNotDivisible);
}

// Either all its dims are padded alike, or it is a reshape whose larger dims the axis divides: it
// moves the blocks to where the padding wants them.
bool Propagation::CanBePadded(FactorId factor) const {
  if (!options_.semantics.padding) return false;
  const Wiring::FactorInfo& info = wiring_->factor(factor);
  if (info.is_even) return true;
  const Graph& graph = wiring_->graph();
  if (graph.node(info.node).opcode != Opcode::kReshape || info.is_composite) return false;
  const auto divides = [&](TensorId tensor, int32_t dim) {
    const int64_t size = graph.tensor(tensor).dims[dim];
    return size == info.size || size % options_.axis_size == 0;
  };
  const TensorId operand = graph.operands(info.node)[0];
  const auto factors = wiring_->operand_factors(info.node);
  for (int32_t dim = 0; dim < graph.tensor(operand).rank; ++dim) {
    if (factors[dim] == factor && !divides(operand, dim)) return false;
  }
  for (const TensorDim& result : wiring_->split_results(factor)) {
    if (!divides(result.tensor, result.dim)) return false;
  }
  return true;
}

std::optional<ConflictClass> Propagation::BorderRefusal(TensorDim place) const {
  const Semantics& semantics = options_.semantics;
  if (!(semantics.composite_splits || semantics.padding) || !wiring_->is_border(place.tensor)) {
    return std::nullopt;
  }
  if (place.outer > 1) return ConflictClass::kNeedsWhole;
  const int64_t before = prior_ != nullptr ? PartsOf(*prior_, place.tensor, place.dim) : 1;
  const int64_t parts = options_.axis_size * before;
  return wiring_->graph().tensor(place.tensor).dims[place.dim] % parts == 0
             ? std::nullopt
             : std::optional(ConflictClass::kNotDivisible);
}

std::optional<Conflict> Propagation::Split(TensorDim decision) {
  const int32_t before = mark();
  auto conflict = SplitTensor(decision, wiring_->graph().tensor(decision.tensor).producer);
  if (!conflict) conflict = Run(before);
  if (conflict) {
    UndoTo(before);
  } else if (mark() > before) {
    decision_begins_.push_back(before);
  }
  return conflict;
}

inline bool Propagation::Take(const TensorDim& place) {
  int8_t& dim = tensor_dim_[place.tensor];
  if (dim == place.dim) return outer_of(tensor_outer_, place.tensor) == place.outer;
  if (dim >= 0 || forbidden_ != nullptr || !tensor_outer_.empty()) return false;
  if (options_.semantics.padding && BorderRefusal(place)) return false;
  dim = static_cast<int8_t>(place.dim);
  trail_.push_back(~place.tensor);
  return true;
}

std::optional<Conflict> Propagation::SplitTensor(TensorDim decision, NodeId cause) {
  int8_t& dim = tensor_dim_[decision.tensor];
  if (dim == decision.dim && outer_of(tensor_outer_, decision.tensor) == decision.outer) {
    return std::nullopt;
  }
  if (dim >= 0) return Conflict{ConflictClass::kOtherDim, cause, decision, -1};
  if (forbidden_ != nullptr && ((*forbidden_)[decision.tensor] >> decision.dim & 1) != 0) {
    return Conflict{ConflictClass::kForbidden, cause, decision, -1};
  }
  if (const auto refusal = BorderRefusal(decision)) return Conflict{*refusal, cause, decision, -1};
  dim = decision.dim;
  if (!tensor_outer_.empty()) tensor_outer_[decision.tensor] = decision.outer;
  trail_.push_back(~decision.tensor);
  return std::nullopt;
}

// Works off the trail itself: every tensor that was split since `next` tells its readers.
std::optional<Conflict> Propagation::Run(size_t next) {
  for (; next < trail_.size(); ++next) {
    if (!IsTensor(trail_[next])) continue;
    const TensorDim place = split(AsTensor(trail_[next]));
    for (const Wiring::Use& use : wiring_->uses(place.tensor)) {
      if (cuts_ != nullptr && cuts_->Has(use)) continue;
      const auto [factor, outer] = FactorOf(use, place);
      FactorId& selected = node_factor_[use.node];
      if (factor >= 0 && selected == factor && selected_outer(use.node) == outer) continue;
      if (const auto refusal = Refusal(factor, outer)) {
        return Conflict{*refusal, use.node, place, factor};
      }
      if (selected >= 0) return Conflict{ConflictClass::kTwoFactors, use.node, place, selected};
      selected = factor;
      if (!node_outer_.empty()) node_outer_[use.node] = outer;
      trail_.push_back(use.node);
      for (const TensorDim& result : wiring_->split_results(selected)) {
        const TensorDim split_result = ResultOf(result, outer);
        if (Take(split_result)) continue;
        if (auto conflict = SplitTensor(split_result, use.node)) return conflict;
      }
    }
    const TensorId parameter = wiring_->replaces(place.tensor);
    if (parameter < 0 || (cuts_ != nullptr && cuts_->HasReplacement(place.tensor))) continue;
    if (auto conflict = SplitTensor({parameter, place.dim, place.outer},
                                    wiring_->graph().tensor(place.tensor).producer)) {
      return conflict;
    }
  }
  return std::nullopt;
}

void Propagation::UndoTo(int32_t to) {
  while (!decision_begins_.empty() && decision_begins_.back() >= to) decision_begins_.pop_back();
  while (mark() > to) {
    const int32_t entry = trail_.back();
    trail_.pop_back();
    if (IsTensor(entry)) {
      tensor_dim_[AsTensor(entry)] = -1;
    } else {
      node_factor_[AsNode(entry)] = -1;
    }
  }
}

PriorSplits WithSplits(const PriorSplits& prior, const Propagation& propagation) {
  PriorSplits splits = prior;
  const Graph& graph = propagation.wiring().graph();
  splits.factor_parts.resize(propagation.wiring().factor_count(), 1);
  splits.factor_outer.resize(propagation.wiring().factor_count(), 1);
  std::vector<int8_t> dims(graph.tensor_count(), -1);
  for (const int32_t entry : propagation.trail()) {
    if (Propagation::IsTensor(entry)) {
      const TensorId tensor = Propagation::AsTensor(entry);
      dims[tensor] = static_cast<int8_t>(propagation.split_dim(tensor));
      continue;
    }
    const NodeId node = Propagation::AsNode(entry);
    const FactorId factor = propagation.selected(node);
    splits.factor_parts[factor] *= static_cast<int32_t>(propagation.options().axis_size);
    splits.factor_outer[factor] = propagation.selected_outer(node);
  }
  splits.axes.emplace_back(propagation.options().axis_size, std::move(dims));
  return splits;
}

bool LeaveAlike(const Wiring& wiring, const PriorSplits& a, const PriorSplits& b,
                int64_t axis_size) {
  if (a == b) return true;
  if (a.factor_outer != b.factor_outer || a.axes.size() != b.axes.size()) return false;
  for (FactorId factor = 0; factor < wiring.factor_count(); ++factor) {
    const int64_t each = a.factor_outer[factor] * axis_size, size = wiring.factor(factor).size;
    const int64_t of_a = a.factor_parts[factor], of_b = b.factor_parts[factor];
    const bool is_split = of_a > 1;
    if (is_split != (of_b > 1) || (size % (of_a * each) == 0) != (size % (of_b * each) == 0))
      return false;
  }
  for (size_t axis = 0; axis < a.axes.size(); ++axis) {
    if (a.axes[axis].second != b.axes[axis].second) return false;
  }
  const Graph& graph = wiring.graph();
  for (TensorId tensor = 0; tensor < graph.tensor_count(); ++tensor) {
    for (int32_t dim = 0; dim < graph.tensor(tensor).rank; ++dim) {
      const int64_t size = graph.tensor(tensor).dims[dim];
      const auto is_even = [&](const PriorSplits& prior) {
        return size % (axis_size * PartsOf(prior, tensor, dim)) == 0;
      };
      if (is_even(a) != is_even(b)) return false;
    }
  }
  return true;
}

}  // namespace automap
