#include "planner/propagation/wiring.h"

#include <algorithm>

#include "planner/rules/catalog.h"
#include "planner/rules/merged_dims.h"

namespace automap {
namespace {

// Scalars and free tensors are never split.
bool CanBeSplit(const Tensor& tensor) { return tensor.rank > 0 && !tensor.is_free; }

}  // namespace

void Wiring::AddFactors(NodeId node, const FactorRule& rule) {
  const FactorId first = factors_.size();
  const auto results = graph_->results(node);
  std::vector<bool> is_even(rule.factors.size(), true);
  size_t position = 0;
  const auto compare_sizes = [&](absl::Span<const TensorId> tensors) {
    for (const TensorId tensor : tensors) {
      for (const int64_t size : graph_->tensor(tensor).shape()) {
        const int16_t factor = rule.dims[position++];
        if (factor != kWhole)
          is_even[factor] = is_even[factor] && size == rule.factors[factor].size;
      }
    }
  };
  compare_sizes(graph_->operands(node));
  const int32_t operand_dims = position;
  compare_sizes(results);
  for (size_t f = 0; f < rule.factors.size(); ++f) {
    const bool is_sum = rule.factors[f].kind == FactorKind::kSum;
    factors_.push_back({node, rule.factors[f].kind,
                        is_sum && graph_->node(node).opcode == Opcode::kReduce, is_even[f], false,
                        rule.factors[f].size, static_cast<int32_t>(factor_results_.size()),
                        static_cast<int32_t>(factor_partials_.size())});
    position = operand_dims;
    for (const TensorId result : results) {
      bool contains = false;
      for (int32_t dim = 0; dim < graph_->tensor(result).rank; ++dim, ++position) {
        if (rule.dims[position] != static_cast<int16_t>(f)) continue;
        factor_results_.push_back({result, dim});
        contains = true;
      }
      if (!contains && is_sum) factor_partials_.push_back(result);
    }
  }
  for (const int16_t factor : absl::MakeConstSpan(rule.dims).subspan(0, operand_dims)) {
    use_factors_.push_back(factor == kWhole ? -1 : first + factor);
  }
}

// The factors that only one side of a reshape has as a major one. Strict propagation refuses them.
void Wiring::AddCompositeFactors(NodeId node) {
  const int32_t place = node_use_begin_[node];
  for (const MergedDims& merged : MergedDimsOf(*graph_, node)) {
    const FactorId factor = factors_.size();
    factors_.push_back({node, FactorKind::kPass, false, false, true, merged.size,
                        static_cast<int32_t>(factor_results_.size()),
                        static_cast<int32_t>(factor_partials_.size())});
    const int32_t outer = merged.result_outer;
    factor_results_.push_back({graph_->results(node)[0], merged.result_dim, outer});
    if (merged.operand_outer == 1) {
      use_factors_[place + merged.operand_dim] = factor;
    } else {
      minors_.push_back({place + merged.operand_dim, merged.operand_outer, factor});
    }
  }
}

Wiring::InnerFactor Wiring::FactorAt(const Use& use, int32_t dim, int32_t outer) const {
  const int32_t place = use.factors_begin + dim;
  InnerFactor inner = {use_factors_[place], outer};
  const auto next =
      std::upper_bound(minors_.begin(), minors_.end(), Minor{place, outer, -1}, IsBefore);
  if (next != minors_.begin() && std::prev(next)->place == place) {
    const Minor& minor = *std::prev(next);
    inner = {minor.factor, outer / minor.outer};
    if (outer % minor.outer != 0) return {};
  }
  if (inner.factor < 0) return {};
  const FactorInfo& info = factors_[inner.factor];
  const bool is_reshape = graph_->node(use.node).opcode == Opcode::kReshape;
  if (inner.outer > 1 && !info.is_even && !is_reshape) return {};
  return inner;
}

int32_t Wiring::OperandOf(const Use& use) const {
  int32_t place = node_use_begin_[use.node];
  const auto operands = graph_->operands(use.node);
  for (size_t i = 0; i < operands.size(); ++i) {
    const int rank = graph_->tensor(operands[i]).rank;
    if (rank > 0 && place == use.factors_begin) return static_cast<int32_t>(i);
    place += rank;
  }
  return -1;
}

int32_t Wiring::PlaceOf(NodeId node, int32_t operand) const {
  int32_t place = node_use_begin_[node];
  const auto operands = graph_->operands(node);
  for (int32_t i = 0; i < operand; ++i) place += graph_->tensor(operands[i]).rank;
  return place;
}

// Uses of a tensor in node order. `slot_factors`: per operand place, in node order.
void Wiring::IndexUses(const std::vector<int32_t>& slot_factors) {
  const Graph& graph = *graph_;
  use_begin_.assign(graph.tensor_count() + 1, 0);
  const auto is_use = [&](NodeId node, TensorId tensor) {
    return graph.node(node).is_live && CanBeSplit(graph.tensor(tensor));
  };
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    for (const TensorId tensor : graph.operands(node))
      use_begin_[tensor + 1] += is_use(node, tensor);
  }
  for (int32_t i = 0; i < graph.tensor_count(); ++i) use_begin_[i + 1] += use_begin_[i];
  uses_.resize(use_begin_.back());
  std::vector<int32_t> next(use_begin_.begin(), use_begin_.end() - 1);
  size_t slot = 0;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    for (const TensorId tensor : graph.operands(node)) {
      const int32_t begin = slot_factors[slot++];
      if (is_use(node, tensor)) uses_[next[tensor]++] = {node, begin};
    }
  }
}

Wiring::Wiring(const Graph& graph, const Roles& roles) : graph_(&graph) {
  std::vector<int32_t> slot_factors;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    node_factor_begin_.push_back(factors_.size());
    bool is_bound = false;
    for (const TensorId tensor : graph.operands(node)) {
      is_bound |= graph.node(node).is_live && CanBeSplit(graph.tensor(tensor));
    }
    const int32_t begin = use_factors_.size();
    node_use_begin_.push_back(begin);
    if (is_bound) {
      AddFactors(node, RuleFor(graph, node));
      AddCompositeFactors(node);
    }
    int32_t position = begin;
    for (const TensorId tensor : graph.operands(node)) {
      slot_factors.push_back(position);
      if (is_bound) position += graph.tensor(tensor).rank;
    }
  }
  std::sort(minors_.begin(), minors_.end(), IsBefore);
  node_factor_begin_.push_back(factors_.size());
  node_use_begin_.push_back(use_factors_.size());
  factors_.push_back({-1, FactorKind::kPass, false, false, false, 1,
                      static_cast<int32_t>(factor_results_.size()),
                      static_cast<int32_t>(factor_partials_.size())});
  IndexUses(slot_factors);
  replaces_.assign(graph.tensor_count(), -1);
  is_border_.assign(graph.tensor_count(), false);
  for (const Leaf& leaf : graph.parameters()) is_border_[leaf.tensor] = true;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const int32_t parameter = roles.updated_parameter[i];
    const TensorId tensor = graph.outputs()[i].tensor;
    is_border_[tensor] = true;
    if (parameter >= 0) replaces_[tensor] = graph.parameters()[parameter].tensor;
  }
}

}  // namespace automap
