#include "planner/rules/factor_rule.h"

#include <numeric>

namespace automap {

FactorRuleBuilder::FactorRuleBuilder(const Graph& graph, NodeId node)
    : graph_(graph), instruction_(*graph.node(node).instruction) {
  const auto operands = graph.operands(node);
  const auto results = graph.results(node);
  operand_count_ = operands.size();
  tensors_.assign(operands.begin(), operands.end());
  tensors_.insert(tensors_.end(), results.begin(), results.end());
  int32_t total = 0;
  for (const TensorId tensor : tensors_) {
    dims_begin_.push_back(total);
    total += graph.tensor(tensor).rank;
  }
  rule_.dims.assign(total, kWhole);
}

void FactorRuleBuilder::AddOfSize(FactorKind kind, int64_t major_size,
                                  absl::Span<const Place> places) {
  int64_t common = major_size;
  for (const auto& [slot, dim] : places) {
    if (size(slot, dim) > 1 && !tensor(slot).is_dynamic) common = std::gcd(common, size(slot, dim));
  }
  if (common <= 1) return;
  const int16_t factor = rule_.factors.size();
  rule_.factors.push_back({kind, common});
  for (const auto& [slot, dim] : places) {
    if (size(slot, dim) > 1 && !tensor(slot).is_dynamic)
      rule_.dims[dims_begin_[slot] + dim] = factor;
  }
}

}  // namespace automap
