#include <numeric>
#include <vector>

#include "planner/graph/element_type.h"
#include "planner/rules/dim_list.h"
#include "planner/rules/families.h"

namespace automap {
namespace {

// x[..] -> y[..] with the same dims in place: pass where `untouched`, halo elsewhere.
template <typename Untouched>
FactorRule InPlace(FactorRuleBuilder& rule, const Untouched& untouched) {
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (untouched(dim)) {
      rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
    } else {
      rule.Add(FactorKind::kHalo, {{0, dim}});
    }
  }
  return std::move(rule).Build();
}

std::vector<int> RowMajor(int rank) {
  std::vector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Dims from the slowest to the fastest in memory.
std::vector<int> MemoryOrder(const xla::ShapeProto& shape) {
  const auto& fastest_first = shape.layout().minor_to_major();
  if (fastest_first.size() != shape.dimensions_size()) return RowMajor(shape.dimensions_size());
  return {fastest_first.rbegin(), fastest_first.rend()};
}

// With size-1 dims left out, operand dim i and result dim j share their major factor when the
// products of the sizes in front of them are equal: [B, S, 12*64] -> [B, S, 12, 64] ties 768 to 12,
// never to 64.
FactorRule MatchPrefixes(FactorRuleBuilder& rule, const std::vector<int>& from,
                         const std::vector<int>& to) {
  const int result = rule.result_slot();
  int64_t in_front_of_i = 1, in_front_of_j = 1;
  for (size_t i = 0, j = 0; i < from.size() && j < to.size();) {
    const int64_t from_size = rule.size(0, from[i]), to_size = rule.size(result, to[j]);
    if (from_size == 0) break;
    if (from_size == 1) {
      ++i;
    } else if (to_size == 1) {
      ++j;
    } else if (in_front_of_i == in_front_of_j) {
      rule.Add(FactorKind::kPass, {{0, from[i]}, {result, to[j]}});
      in_front_of_i *= from_size, ++i;
      in_front_of_j *= to_size, ++j;
    } else if (in_front_of_i < in_front_of_j) {
      in_front_of_i *= from_size, ++i;
    } else {
      in_front_of_j *= to_size, ++j;
    }
  }
  return std::move(rule).Build();
}

}  // namespace

// x[a] -> y[a b]: new dims belong to no factor, readers of a replicated result slice them for
// nothing.
FactorRule BroadcastRule(FactorRuleBuilder rule) {
  const auto& dimensions = rule.instruction().dimensions();
  for (int dim = 0; dim < dimensions.size(); ++dim) {
    rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dimensions[dim]}});
  }
  return std::move(rule).Build();
}

FactorRule TransposeRule(FactorRuleBuilder rule) {
  const auto& dimensions = rule.instruction().dimensions();
  for (int dim = 0; dim < dimensions.size(); ++dim) {
    rule.Add(FactorKind::kPass, {{0, dimensions[dim]}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

FactorRule ReshapeRule(FactorRuleBuilder rule) {
  return MatchPrefixes(rule, RowMajor(rule.rank(0)), RowMajor(rule.rank(rule.result_slot())));
}

FactorRule BitcastRule(FactorRuleBuilder rule) {
  const auto& result = rule.instruction().shape();
  if (ElementBits(result.element_type()) != ElementBits(rule.tensor(0).type)) {
    return std::move(rule).Build();
  }
  return MatchPrefixes(rule, MemoryOrder(rule.bitcast_source()), MemoryOrder(result));
}

FactorRule ReverseRule(FactorRuleBuilder rule) {
  const auto& reversed = rule.instruction().dimensions();
  return InPlace(rule, [&](int dim) { return !Contains(reversed, dim); });
}

FactorRule SliceRule(FactorRuleBuilder rule) {
  return InPlace(rule,
                 [&](int dim) { return rule.size(0, dim) == rule.size(rule.result_slot(), dim); });
}

FactorRule PadRule(FactorRuleBuilder rule) {
  const auto& config = rule.instruction().padding_config();
  return InPlace(rule, [&](int dim) {
    const auto& padding = config.dimensions(dim);
    return padding.edge_padding_low() == 0 && padding.edge_padding_high() == 0 &&
           padding.interior_padding() == 0;
  });
}

// x[a #], y[a #] -> z[a #]: pieces of the joined dim have other borders than the whole.
FactorRule ConcatenateRule(FactorRuleBuilder rule) {
  const int64_t joined = rule.instruction().dimensions(0);
  std::vector<FactorRuleBuilder::Place> places;
  for (int dim = 0; dim < rule.rank(rule.result_slot()); ++dim) {
    if (dim == joined && rule.operand_count() > 1) continue;
    places.clear();
    for (int slot = 0; slot <= rule.result_slot(); ++slot) places.push_back({slot, dim});
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

// Dims taken whole pass; sliced dims stay whole. Index operands are scalars.
FactorRule DynamicSliceRule(FactorRuleBuilder rule) {
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (rule.size(0, dim) == rule.size(rule.result_slot(), dim)) {
      rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
    }
  }
  return std::move(rule).Build();
}

// Operand and result agree in every dim (a device keeps what falls into its block); the update
// takes part where it is as large as they are.
FactorRule DynamicUpdateSliceRule(FactorRuleBuilder rule) {
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (rule.size(1, dim) == rule.size(0, dim)) {
      rule.Add(FactorKind::kPass, {{0, dim}, {1, dim}, {rule.result_slot(), dim}});
    } else {
      rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
    }
  }
  return std::move(rule).Build();
}

FactorRule GetDimensionSizeRule(FactorRuleBuilder rule) {
  const auto& sized = rule.instruction().dimensions();
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (!Contains(sized, dim)) rule.Add(FactorKind::kPass, {{0, dim}});
  }
  return std::move(rule).Build();
}

FactorRule SetDimensionSizeRule(FactorRuleBuilder rule) {
  const auto& sized = rule.instruction().dimensions();
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (!Contains(sized, dim)) rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

}  // namespace automap
