#include <algorithm>

#include "planner/rules/dim_list.h"
#include "planner/rules/families.h"
#include "planner/rules/reducer.h"

namespace automap {
namespace {

using Places = std::vector<FactorRuleBuilder::Place>;

bool IsUntouched(const xla::WindowDimension& window) {
  return window.size() <= 1 && window.stride() <= 1 && window.padding_low() == 0 &&
         window.padding_high() == 0 && window.base_dilation() <= 1 && window.window_dilation() <= 1;
}

// Whether a body works on each element alone, scalars of its own aside.
bool IsElementwiseBody(const ComputationIndex* body) {
  if (body == nullptr) return false;
  for (int32_t i = 0; i < body->size(); ++i) {
    const Opcode opcode = body->opcodes[i];
    const bool is_plain = IsElementwise(opcode) || opcode == Opcode::kParameter ||
                          opcode == Opcode::kTuple || opcode == Opcode::kGetTupleElement ||
                          opcode == Opcode::kConstant;
    const bool is_spread_scalar =
        opcode == Opcode::kBroadcast && body->instruction(i).dimensions().empty();
    if (!is_plain && !is_spread_scalar) return false;
  }
  return true;
}

}  // namespace

// x[a r+], init[] -> y[a]. Partial results can be combined when there is one input, the reducer is
// a commutative monoid and the initial value may be counted by each device: it is the reducer's
// identity, or counting it again changes nothing (a maximum).
FactorRule ReduceRule(FactorRuleBuilder rule) {
  const int inputs = rule.result_count();
  const auto& reduced = rule.instruction().dimensions();
  const Reducer reducer = ReducerOf(rule.graph(), rule.instruction());
  const NodeId node = rule.tensor(rule.result_slot()).producer;
  const bool combines =
      inputs == 1 &&
      (IsIdempotent(reducer) || IsIdentity(rule.graph(), rule.graph().operands(node)[1], reducer));
  for (int dim = 0, kept = 0; dim < rule.rank(0); ++dim) {
    const bool is_reduced = Contains(reduced, dim);
    Places places;
    for (int i = 0; i < inputs; ++i) {
      places.push_back({i, dim});
      if (!is_reduced) places.push_back({rule.result_slot(i), kept});
    }
    kept += is_reduced ? 0 : 1;
    if (!is_reduced) {
      rule.Add(FactorKind::kPass, places);
    } else if (combines) {
      rule.Add(FactorKind::kSum, places);
    }
  }
  return std::move(rule).Build();
}

// Dims that the window does not touch pass. A window as wide as its dim (a cumulative sum) needs
// all of it.
FactorRule ReduceWindowRule(FactorRuleBuilder rule) {
  const auto& window = rule.instruction().window();
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    Places places, operands;
    for (int i = 0; i < rule.result_count(); ++i) {
      operands.push_back({i, dim});
      places.push_back({i, dim});
      places.push_back({rule.result_slot(i), dim});
    }
    if (IsUntouched(window.dimensions(dim))) {
      rule.Add(FactorKind::kPass, places);
    } else if (window.dimensions(dim).size() < rule.size(0, dim)) {
      rule.Add(FactorKind::kHalo, operands);
    }
  }
  return std::move(rule).Build();
}

// operand[a w~], source[a w~], init[] -> result[a w~].
FactorRule SelectAndScatterRule(FactorRuleBuilder rule) {
  const auto& window = rule.instruction().window();
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (IsUntouched(window.dimensions(dim))) {
      rule.Add(FactorKind::kPass, {{0, dim}, {1, dim}, {rule.result_slot(), dim}});
    } else {
      rule.Add(FactorKind::kHalo, {{0, dim}});
      rule.Add(FactorKind::kHalo, {{1, dim}});
    }
  }
  return std::move(rule).Build();
}

FactorRule SortRule(FactorRuleBuilder rule) {
  const int64_t sorted =
      rule.instruction().dimensions_size() > 0 ? rule.instruction().dimensions(0) : 0;
  for (int dim = 0; dim < rule.rank(0); ++dim) {
    if (dim == sorted) continue;
    Places places;
    for (int slot = 0; slot < rule.slot_count(); ++slot) places.push_back({slot, dim});
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

FactorRule TopKRule(FactorRuleBuilder rule) {
  for (int dim = 0; dim + 1 < rule.rank(0); ++dim) {
    Places places = {{0, dim}};
    for (int i = 0; i < rule.result_count(); ++i) places.push_back({rule.result_slot(i), dim});
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

// Arrays like operand 0 have all dims, the statistics only the feature dim: training x, scale,
// offset -> y, mean, var; inference x, scale, offset, mean, var -> y; grad x, scale, mean, var, dy
// -> dx, dscale, doffset. Splitting another dim leaves partial statistics, which are summed.
FactorRule BatchNormRule(FactorRuleBuilder rule) {
  const int64_t feature = rule.instruction().feature_index();
  const int rank = rule.rank(0);
  for (int dim = 0; dim < rank; ++dim) {
    Places places;
    bool is_partial = false;
    for (int slot = 0; slot < rule.slot_count(); ++slot) {
      const bool is_statistic = rule.rank(slot) == 1 && slot != 0 && (rank > 1 || dim != feature);
      if (!is_statistic) {
        places.push_back({slot, dim});
      } else if (dim == feature) {
        places.push_back({slot, 0});
      } else if (slot >= rule.result_slot()) {
        is_partial = true;
      }
    }
    rule.Add(is_partial ? FactorKind::kSum : FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

// inputs[a #], inits[a] -> outputs[a #], carries[a], where # is the scanned dim.
FactorRule ScanRule(FactorRuleBuilder rule) {
  if (rule.instruction().dimensions_size() != 1 ||
      !IsElementwiseBody(rule.graph().Callee(rule.instruction(), 0))) {
    return std::move(rule).Build();
  }
  const int64_t scanned = rule.instruction().dimensions(0);
  const int rank = rule.rank(0);
  for (int dim = 0; dim < rank; ++dim) {
    if (dim == scanned) continue;
    Places places;
    for (int slot = 0; slot < rule.slot_count(); ++slot) {
      if (rule.rank(slot) == rank) places.push_back({slot, dim});
      if (rule.rank(slot) == rank - 1) places.push_back({slot, dim - (dim > scanned ? 1 : 0)});
    }
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

}  // namespace automap
