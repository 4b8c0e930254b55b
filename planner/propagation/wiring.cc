#include "planner/propagation/wiring.h"

#include "planner/rules/catalog.h"

namespace automap {

void Wiring::AddFactors(NodeId node, const FactorRule& rule) {
  const FactorId first = factors_.size();
  const auto results = graph_->results(node);
  int32_t operand_dims = 0;
  for (const TensorId tensor : graph_->operands(node)) operand_dims += graph_->tensor(tensor).rank;
  for (size_t f = 0; f < rule.factors.size(); ++f) {
    factors_.push_back(
        {node, rule.factors[f].kind,
         rule.factors[f].kind == FactorKind::kSum && graph_->node(node).opcode == Opcode::kReduce,
         rule.factors[f].size, static_cast<int32_t>(factor_results_.size()),
         static_cast<int32_t>(factor_partials_.size())});
    int32_t position = operand_dims;
    for (const TensorId result : results) {
      bool contains = false;
      for (int32_t dim = 0; dim < graph_->tensor(result).rank; ++dim, ++position) {
        if (rule.dims[position] != static_cast<int16_t>(f)) continue;
        factor_results_.push_back({result, dim});
        contains = true;
      }
      if (!contains && rule.factors[f].kind == FactorKind::kSum) factor_partials_.push_back(result);
    }
  }
  for (const int16_t factor : absl::MakeConstSpan(rule.dims).subspan(0, operand_dims)) {
    use_factors_.push_back(factor == kWhole ? -1 : first + factor);
  }
}

Wiring::Wiring(const Graph& graph, const Roles& roles) : graph_(&graph) {
  std::vector<int32_t> slot_factors;  // per operand place, in node order
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    node_factor_begin_.push_back(factors_.size());
    bool is_bound = false;
    for (const TensorId tensor : graph.operands(node)) {
      is_bound |= !graph.tensor(tensor).is_free && graph.tensor(tensor).rank > 0;
    }
    const int32_t begin = use_factors_.size();
    node_use_begin_.push_back(begin);
    if (is_bound) AddFactors(node, RuleFor(graph, node));
    int32_t position = begin;
    for (const TensorId tensor : graph.operands(node)) {
      slot_factors.push_back(position);
      if (is_bound) position += graph.tensor(tensor).rank;
    }
  }
  node_factor_begin_.push_back(factors_.size());
  node_use_begin_.push_back(use_factors_.size());
  factors_.push_back({-1, FactorKind::kPass, false, 1, static_cast<int32_t>(factor_results_.size()),
                      static_cast<int32_t>(factor_partials_.size())});
  // Uses of a tensor in node order; scalars and free tensors are never split and have none.
  use_begin_.assign(graph.tensor_count() + 1, 0);
  const auto is_split_candidate = [&](TensorId tensor) {
    return graph.tensor(tensor).rank > 0 && !graph.tensor(tensor).is_free;
  };
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    for (const TensorId tensor : graph.operands(node))
      use_begin_[tensor + 1] += is_split_candidate(tensor);
  }
  for (int32_t i = 0; i < graph.tensor_count(); ++i) use_begin_[i + 1] += use_begin_[i];
  uses_.resize(use_begin_.back());
  std::vector<int32_t> next(use_begin_.begin(), use_begin_.end() - 1);
  size_t slot = 0;
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    for (const TensorId tensor : graph.operands(node)) {
      const int32_t begin = slot_factors[slot++];
      if (is_split_candidate(tensor)) uses_[next[tensor]++] = {node, begin};
    }
  }
  replaces_.assign(graph.tensor_count(), -1);
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const int32_t parameter = roles.updated_parameter[i];
    if (parameter >= 0) replaces_[graph.outputs()[i].tensor] = graph.parameters()[parameter].tensor;
  }
}

}  // namespace automap
