#include "planner/propagation/isomorphism.h"

#include <algorithm>

#include "planner/propagation/same_operation.h"

namespace automap {
namespace {

constexpr int kMaxTries = 16;

}  // namespace

PieceMatcher::PieceMatcher(const Wiring& wiring) : wiring_(wiring), graph_(wiring.graph()) {
  for (Places* places : {&of_pattern_, &of_other_}) {
    places->node.assign(graph_.node_count(), -1);
    places->tensor.assign(graph_.tensor_count(), -1);
  }
}

void PieceMatcher::Place(const Piece& piece, Places& places) const {
  for (size_t f = 0; f < piece.factors.size(); ++f)
    places.node[wiring_.factor(piece.factors[f]).node] = static_cast<int32_t>(f);
  for (size_t t = 0; t < piece.tensors.size(); ++t)
    places.tensor[piece.tensors[t].tensor] = static_cast<int32_t>(t);
}

void PieceMatcher::Displace(const Piece& piece, Places& places) const {
  for (const FactorId factor : piece.factors) places.node[wiring_.factor(factor).node] = -1;
  for (const TensorDim& place : piece.tensors) places.tensor[place.tensor] = -1;
}

void PieceMatcher::SetPattern(const Piece& pattern) {
  if (pattern_ != nullptr) Displace(*pattern_, of_pattern_);
  pattern_ = &pattern;
  Place(pattern, of_pattern_);
}

bool PieceMatcher::Matches(const Piece& other) {
  if (other.factors.size() != pattern_->factors.size() ||
      other.tensors.size() != pattern_->tensors.size() ||
      other.cuts.size() != pattern_->cuts.size() || pattern_->tensors.empty())
    return false;
  other_ = &other;
  Place(other, of_other_);
  bool found = false;
  int tries = 0;
  const TensorId first = pattern_->tensors.front().tensor;
  for (const TensorDim& place : other.tensors) {
    const bool may_be =
        graph_.shape_number(first) == graph_.shape_number(place.tensor) &&
        graph_.readers(first).size() == graph_.readers(place.tensor).size() &&
        (graph_.tensor(first).producer < 0) == (graph_.tensor(place.tensor).producer < 0);
    if (!may_be || ++tries > kMaxTries) continue;
    found = MatchFrom(place.tensor);
    if (found) break;
  }
  Displace(other, of_other_);
  return found;
}

void PieceMatcher::Forget() {
  node_image_.assign(pattern_->factors.size(), -1);
  node_source_ = node_image_;
  tensor_image_.assign(pattern_->tensors.size(), -1);
  tensor_source_ = tensor_image_;
  tensors_to_do_.clear();
  nodes_to_do_.clear();
  mapped_ = 0;
}

bool PieceMatcher::MatchFrom(TensorId start) {
  Forget();
  return MatchTensors(pattern_->tensors.front().tensor, start) && Grow() &&
         mapped_ == pattern_->factors.size() + pattern_->tensors.size() && SameCuts();
}

bool PieceMatcher::Grow() {
  while (!nodes_to_do_.empty() || !tensors_to_do_.empty()) {
    if (!nodes_to_do_.empty()) {
      const NodeId a = nodes_to_do_.back();
      nodes_to_do_.pop_back();
      const NodeId b = wiring_.factor(other_->factors[node_image_[of_pattern_.node[a]]]).node;
      if (!MatchSlots(graph_.operands(a), graph_.operands(b)) ||
          !MatchSlots(graph_.results(a), graph_.results(b)))
        return false;
      continue;
    }
    const TensorId a = tensors_to_do_.back();
    tensors_to_do_.pop_back();
    if (!MatchReaders(a, other_->tensors[tensor_image_[of_pattern_.tensor[a]]].tensor))
      return false;
  }
  return true;
}

// Arrays outside of the pieces have been compared with their operation.
bool PieceMatcher::MatchSlots(absl::Span<const TensorId> a, absl::Span<const TensorId> b) {
  for (size_t slot = 0; slot < a.size(); ++slot) {
    const bool is_in = of_pattern_.tensor[a[slot]] >= 0;
    if (is_in != (of_other_.tensor[b[slot]] >= 0)) return false;
    if (is_in && !MatchTensors(a[slot], b[slot])) return false;
  }
  return true;
}

bool PieceMatcher::MatchTensors(TensorId a, TensorId b) {
  const int32_t at_a = of_pattern_.tensor[a], at_b = of_other_.tensor[b];
  if (tensor_image_[at_a] >= 0 || tensor_source_[at_b] >= 0)
    return tensor_image_[at_a] == at_b && tensor_source_[at_b] == at_a;
  const TensorDim &one = pattern_->tensors[at_a], &other = other_->tensors[at_b];
  const Tensor &from = graph_.tensor(a), &to = graph_.tensor(b);
  if (one.dim != other.dim || one.outer != other.outer ||
      graph_.shape_number(a) != graph_.shape_number(b) ||
      (from.producer < 0) != (to.producer < 0) || wiring_.is_border(a) != wiring_.is_border(b))
    return false;
  tensor_image_[at_a] = at_b;
  tensor_source_[at_b] = at_a;
  ++mapped_;
  tensors_to_do_.push_back(a);
  const TensorId replaced = wiring_.replaces(a), other_replaced = wiring_.replaces(b);
  if ((replaced < 0) != (other_replaced < 0)) return false;
  if (replaced >= 0 && of_pattern_.tensor[replaced] >= 0) {
    if (of_other_.tensor[other_replaced] < 0 || !MatchTensors(replaced, other_replaced))
      return false;
  }
  if (from.producer < 0 || of_pattern_.node[from.producer] < 0)
    return to.producer < 0 || of_other_.node[to.producer] < 0;
  return of_other_.node[to.producer] >= 0 && MatchNodes(from.producer, to.producer);
}

bool PieceMatcher::SameSelection(NodeId a, NodeId b) const {
  const int32_t at_a = of_pattern_.node[a], at_b = of_other_.node[b];
  const FactorId one = pattern_->factors[at_a], other = other_->factors[at_b];
  if (one - wiring_.factor_begin(a) != other - wiring_.factor_begin(b)) return false;
  if (!pattern_->outers.empty() && pattern_->outers[at_a] != other_->outers[at_b]) return false;
  const Wiring::FactorInfo &x = wiring_.factor(one), &y = wiring_.factor(other);
  return x.kind == y.kind && x.size == y.size && x.is_reduce == y.is_reduce &&
         x.is_even == y.is_even && x.is_composite == y.is_composite;
}

bool PieceMatcher::MatchNodes(NodeId a, NodeId b) {
  const int32_t at_a = of_pattern_.node[a], at_b = of_other_.node[b];
  if (node_image_[at_a] >= 0 || node_source_[at_b] >= 0)
    return node_image_[at_a] == at_b && node_source_[at_b] == at_a;
  if (!SameSelection(a, b) || !SameOperation(graph_, a, b)) return false;
  node_image_[at_a] = at_b;
  node_source_[at_b] = at_a;
  ++mapped_;
  nodes_to_do_.push_back(a);
  return true;
}

void PieceMatcher::ListReaders(TensorId tensor, const Places& places, const Piece& piece,
                               std::vector<Reading>& readings) const {
  readings.clear();
  for (const Wiring::Use& use : wiring_.uses(tensor)) {
    const int32_t at = places.node[use.node];
    if (at < 0) continue;
    readings.push_back({use.factors_begin - wiring_.PlaceOf(use.node, 0),
                        graph_.node(use.node).opcode,
                        piece.factors[at] - wiring_.factor_begin(use.node), use.node});
  }
  if (readings.size() > 1) std::sort(readings.begin(), readings.end());
}

bool PieceMatcher::MatchReaders(TensorId a, TensorId b) {
  ListReaders(a, of_pattern_, *pattern_, from_);
  ListReaders(b, of_other_, *other_, to_);
  return std::equal(from_.begin(), from_.end(), to_.begin(), to_.end(),
                    [&](const Reading& x, const Reading& y) {
                      return x.key() == y.key() && MatchNodes(x.node, y.node);
                    });
}

// Whether every cut of the pattern is one of the other piece's, of the mapped array.
bool PieceMatcher::SameCuts() const {
  const auto tensor_of = [&](const Cut& cut) {
    return cut.node < 0 ? cut.operand : graph_.operands(cut.node)[cut.operand];
  };
  std::vector<bool> is_taken(other_->cuts.size(), false);
  return std::all_of(pattern_->cuts.begin(), pattern_->cuts.end(), [&](const Cut& cut) -> bool {
    const int32_t at = of_pattern_.tensor[tensor_of(cut)];
    for (size_t c = 0; c < is_taken.size(); ++c) {
      const Cut& candidate = other_->cuts[c];
      const int32_t at_candidate = of_other_.tensor[tensor_of(candidate)];
      const bool same = !is_taken[c] && (cut.node < 0) == (candidate.node < 0) && at >= 0 &&
                        tensor_image_[at] == at_candidate &&
                        (cut.node < 0 || (cut.operand == candidate.operand &&
                                          SameOperation(graph_, cut.node, candidate.node)));
      if (!same) continue;
      is_taken[c] = true;
      return true;
    }
    return false;
  });
}

}  // namespace automap
