#include "planner/propagation/propagation.h"

namespace automap {

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
      node_factor_(wiring.graph().node_count(), -1) {}

int64_t Propagation::left(FactorId factor) const {
  return wiring_->factor(factor).size / (prior_ != nullptr ? prior_->factor_parts[factor] : 1);
}

std::optional<ConflictClass> Propagation::Refusal(FactorId factor) const {
  if (factor < 0) return ConflictClass::kNeedsWhole;
  const Wiring::FactorInfo& info = wiring_->factor(factor);
  if (info.kind == FactorKind::kHalo) return ConflictClass::kHalo;
  if (info.is_reduce && options_.semantics.paper_rule) return ConflictClass::kNeedsWhole;
  if (left(factor) % options_.axis_size != 0) return ConflictClass::kNotDivisible;
  return std::nullopt;
}

std::optional<Conflict> Propagation::Split(TensorDim decision) {
  const int32_t before = mark();
  auto conflict = SplitTensor(decision, wiring_->graph().tensor(decision.tensor).producer);
  if (!conflict) conflict = Run(before);
  if (conflict) UndoTo(before);
  return conflict;
}

std::optional<Conflict> Propagation::SplitTensor(TensorDim decision, NodeId cause) {
  int8_t& dim = tensor_dim_[decision.tensor];
  if (dim == decision.dim) return std::nullopt;
  if (dim >= 0) return Conflict{ConflictClass::kOtherDim, cause, decision, -1};
  if (forbidden_ != nullptr && ((*forbidden_)[decision.tensor] >> decision.dim & 1) != 0) {
    return Conflict{ConflictClass::kForbidden, cause, decision, -1};
  }
  dim = decision.dim;
  trail_.push_back(~decision.tensor);
  return std::nullopt;
}

// Works off the trail itself: every tensor that was split since `next` tells its readers.
std::optional<Conflict> Propagation::Run(size_t next) {
  for (; next < trail_.size(); ++next) {
    if (!IsTensor(trail_[next])) continue;
    const TensorId tensor = AsTensor(trail_[next]);
    const int32_t dim = tensor_dim_[tensor];
    for (const Wiring::Use& use : wiring_->uses(tensor)) {
      const FactorId factor = wiring_->factor_of(use, dim);
      FactorId& selected = node_factor_[use.node];
      if (factor >= 0 && selected == factor) continue;
      if (const auto refusal = Refusal(factor))
        return Conflict{*refusal, use.node, {tensor, dim}, factor};
      if (selected >= 0)
        return Conflict{ConflictClass::kTwoFactors, use.node, {tensor, dim}, selected};
      selected = factor;
      trail_.push_back(use.node);
      for (const TensorDim& result : wiring_->split_results(factor)) {
        if (auto conflict = SplitTensor(result, use.node)) return conflict;
      }
    }
    const TensorId parameter = wiring_->replaces(tensor);
    if (parameter >= 0) {
      if (auto conflict = SplitTensor({parameter, dim}, wiring_->graph().tensor(tensor).producer))
        return conflict;
    }
  }
  return std::nullopt;
}

void Propagation::UndoTo(int32_t to) {
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
  splits.factor_parts.resize(propagation.wiring().factor_count(), 1);
  for (const int32_t entry : propagation.trail()) {
    if (Propagation::IsTensor(entry)) continue;
    splits.factor_parts[propagation.selected(Propagation::AsNode(entry))] *=
        propagation.options().axis_size;
  }
  return splits;
}

}  // namespace automap
