#include <algorithm>
#include <vector>

#include "planner/rules/dim_list.h"
#include "planner/rules/families.h"

namespace automap {
namespace {

using Places = std::vector<FactorRuleBuilder::Place>;

// x[a #] -> y[a #] for operand i and result i, `whole` dims left out.
FactorRule PairwiseRule(FactorRuleBuilder& rule, const DimList& whole) {
  const int pairs = std::min(rule.operand_count(), rule.result_count());
  for (int i = 0; i < pairs; ++i) {
    for (int dim = 0; dim < std::min(rule.rank(i), rule.rank(rule.result_slot(i))); ++dim) {
      if (!Contains(whole, dim))
        rule.Add(FactorKind::kPass, {{i, dim}, {rule.result_slot(i), dim}});
    }
  }
  return std::move(rule).Build();
}

}  // namespace

FactorRule ManualReduceRule(FactorRuleBuilder rule) { return PairwiseRule(rule, {}); }

FactorRule ManualMoveRule(FactorRuleBuilder rule) {
  return PairwiseRule(rule, rule.instruction().dimensions());
}

// The source is operand 0, the array that is written operand 1.
FactorRule RaggedAllToAllRule(FactorRuleBuilder rule) {
  const int rank = std::min({rule.rank(0), rule.rank(1), rule.rank(rule.result_slot())});
  for (int dim = 1; dim < rank; ++dim) {
    rule.Add(FactorKind::kPass, {{0, dim}, {1, dim}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

FactorRule StartRule(FactorRuleBuilder rule) {
  const DimList& whole = rule.instruction().dimensions();
  if (rule.operand_count() != 1) return std::move(rule).Build();
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    Places places = {{0, dim}};
    for (int slot = rule.result_slot(); slot < rule.slot_count(); ++slot) {
      if (rule.tensor(slot).shape() == rule.tensor(0).shape() ||
          (rule.rank(slot) == rule.rank(0) && rule.rank(0) > 0 && !whole.empty())) {
        places.push_back({slot, dim});
      }
    }
    if (!Contains(whole, dim)) rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

}  // namespace automap
