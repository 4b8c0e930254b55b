#include <algorithm>

#include "planner/rules/families.h"

namespace automap {

FactorRule ElementwiseRule(FactorRuleBuilder rule) {
  const int rank = rule.rank(rule.result_slot());
  absl::InlinedVector<FactorRuleBuilder::Place, 4> places;
  for (int dim = 0; dim < rank; ++dim) {
    places.clear();
    for (int slot = 0; slot < rule.slot_count(); ++slot) {
      if (rule.rank(slot) == rank) places.push_back({slot, dim});
    }
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

FactorRule BitcastConvertRule(FactorRuleBuilder rule) {
  const int rank = std::min(rule.rank(0), rule.rank(rule.result_slot()));
  for (int dim = 0; dim < rank; ++dim) {
    rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

FactorRule WholeRule(FactorRuleBuilder rule) { return std::move(rule).Build(); }

}  // namespace automap
