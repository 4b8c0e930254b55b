#include "planner/rules/custom_calls.h"

#include "absl/strings/match.h"
#include "planner/rules/families.h"

namespace automap {
namespace {

using Places = std::vector<FactorRuleBuilder::Place>;

// Every array that has dims like operand 0's takes part in each dim below `end` that has operand
// 0's size in all of them.
FactorRule LeadingDims(FactorRuleBuilder& rule, int end) {
  for (int dim = 0; dim < end; ++dim) {
    Places places;
    for (int slot = 0; slot < rule.slot_count(); ++slot) {
      if (dim < rule.rank(slot) && rule.size(slot, dim) == rule.size(0, dim)) {
        places.push_back({slot, dim});
      }
    }
    rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

// Handed on, or worked on element by element, if all arrays are alike.
FactorRule SameShapes(FactorRuleBuilder rule) {
  for (int slot = 1; slot < rule.slot_count(); ++slot) {
    if (rule.tensor(slot).shape() != rule.tensor(0).shape()) return std::move(rule).Build();
  }
  return ElementwiseRule(std::move(rule));
}

FactorRule BatchedMatrices(FactorRuleBuilder rule) { return LeadingDims(rule, rule.rank(0) - 2); }

FactorRule AllButLast(FactorRuleBuilder rule) { return LeadingDims(rule, rule.rank(0) - 1); }

// Images [batch, height, width, channels].
FactorRule Images(FactorRuleBuilder rule) {
  const int last = rule.rank(0) - 1, result = rule.result_slot();
  if (last < 1 || rule.rank(result) != rule.rank(0)) return std::move(rule).Build();
  rule.Add(FactorKind::kPass, {{0, 0}, {result, 0}});
  rule.Add(FactorKind::kPass, {{0, last}, {result, last}});
  return std::move(rule).Build();
}

// The one dim of operand 0 that is another in the result is searched; the others run along.
FactorRule PartialReduce(FactorRuleBuilder rule) {
  const int rank = rule.rank(0);
  for (int dim = 0; dim < rank; ++dim) {
    Places places;
    bool is_same = true;
    for (int slot = 0; slot < rule.slot_count(); ++slot) {
      if (rule.rank(slot) != rank) continue;
      places.push_back({slot, dim});
      is_same &= rule.size(slot, dim) == rule.size(0, dim);
    }
    if (is_same) rule.Add(FactorKind::kPass, places);
  }
  return std::move(rule).Build();
}

struct Row {
  absl::string_view prefix;
  bool is_prefix;  // otherwise the whole target
  FactorRule (*rule)(FactorRuleBuilder);
};

constexpr Row kRows[] = {
    {"Sharding", false, SameShapes},
    {"xla.sdy.FuncResultSharding", false, SameShapes},
    {"SPMDFullToShardShape", false, WholeRule},
    {"SPMDShardToFullShape", false, WholeRule},
    {"xla.sdy.GlobalToLocalShape", false, WholeRule},
    {"xla.sdy.LocalToGlobalShape", false, WholeRule},
    {"annotate_device_placement", false, SameShapes},
    {"MoveToHost", false, SameShapes},
    {"MoveToDevice", false, SameShapes},
    {"PinToDevice", true, SameShapes},
    {"LayoutConstraint", false, SameShapes},
    {"InspectSharding", false, SameShapes},
    {"X64Combine", false, SameShapes},
    {"X64Split", true, SameShapes},
    {"mhlo.topk", false, AllButLast},
    {"mhlo.", true, SameShapes},
    {"ResizeNearest", true, Images},
    {"ResizeBilinear", true, Images},
    {"TopK", false, AllButLast},
    {"ApproxTopK", false, PartialReduce},
    {"PartialReduce", false, PartialReduce},
    {"Cholesky", false, BatchedMatrices},
    {"CompactWyHelper", false, BatchedMatrices},
    {"InvertDiagBlocks", true, BatchedMatrices},
    {"Eigh", false, BatchedMatrices},
    {"Qr", false, BatchedMatrices},
    {"QrDecompositionBlock", false, BatchedMatrices},
    {"ProductOfElementaryHouseholderReflectors", false, BatchedMatrices},
    {"LuDecomposition", false, BatchedMatrices},
    {"lapack_", true, BatchedMatrices},
    {"cusolver_", true, BatchedMatrices},
};

const Row* Find(absl::string_view target) {
  for (const Row& row : kRows) {
    if (row.is_prefix ? absl::StartsWith(target, row.prefix) : target == row.prefix) return &row;
  }
  return nullptr;
}

}  // namespace

bool IsKnownTarget(absl::string_view target) { return Find(target) != nullptr; }

FactorRule CustomCallRule(FactorRuleBuilder rule) {
  const Row* row = Find(rule.instruction().custom_call_target());
  return (row != nullptr ? row->rule : WholeRule)(std::move(rule));
}

}  // namespace automap
