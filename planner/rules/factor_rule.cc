#include "planner/rules/factor_rule.h"

#include <numeric>

namespace automap {

FactorRuleBuilder::FactorRuleBuilder(const Graph& graph, NodeId node)
    : graph_(graph), node_(node), instruction_(*graph.node(node).instruction) {
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
  bool is_lost = false;  // a place that the split would have to reach, but cannot
  for (const auto& [slot, dim] : places) {
    is_lost |= tensor(slot).is_dynamic;
    if (size(slot, dim) > 1) {
      common = std::gcd(common, size(slot, dim));
    } else {
      is_lost |= slot >= operand_count_ && kind == FactorKind::kPass;
    }
  }
  if (is_lost) return;
  if (common <= 1) return;
  const int16_t factor = rule_.factors.size();
  rule_.factors.push_back({kind, common});
  for (const auto& [slot, dim] : places) {
    if (size(slot, dim) > 1) rule_.dims[dims_begin_[slot] + dim] = factor;
  }
}

}  // namespace automap
