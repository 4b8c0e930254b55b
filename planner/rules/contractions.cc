#include <algorithm>
#include <vector>

#include "planner/rules/dim_list.h"
#include "planner/rules/families.h"

namespace automap {
namespace {

int64_t OneIfUnset(int64_t value) { return std::max<int64_t>(1, value); }

// What a spatial dimension of a convolution does, tested in the order of the comments.
enum class SpatialKind { kBatch, kContracted, kFreeInLhs, kFreeInRhs, kWindow };

SpatialKind Classify(const xla::WindowDimension& window, int64_t lhs_size) {
  const int64_t size = OneIfUnset(window.size()), stride = OneIfUnset(window.stride());
  const int64_t low = window.padding_low(), high = window.padding_high();
  const int64_t window_dilation = OneIfUnset(window.window_dilation());
  const int64_t base_dilation = OneIfUnset(window.base_dilation());
  const bool reversed = window.window_reversal(), padded = low != 0 || high != 0;
  const bool undilated = window_dilation == 1 && base_dilation == 1;
  // An einsum's batch dimension written as space: window and input are dilated so that block i only
  // meets block i.
  const int64_t apart = std::max<int64_t>(1, lhs_size - 1);
  if (lhs_size > 1 && lhs_size == size && base_dilation == size && !padded && !reversed &&
      ((stride == apart && window_dilation == 1) || (window_dilation == apart && stride == 1))) {
    return SpatialKind::kBatch;
  }
  if (lhs_size > 1 && lhs_size == size && low == lhs_size - 1 && high == low && reversed &&
      window_dilation == 1 && stride == lhs_size && base_dilation == lhs_size - 1) {
    return SpatialKind::kBatch;
  }
  // The window covers the input once.
  if (lhs_size == size && undilated && !padded && !reversed) return SpatialKind::kContracted;
  // A window of one element.
  if (size == 1 && stride == 1 && undilated && !padded && !reversed) return SpatialKind::kFreeInLhs;
  // An input of one element under a window that slides over all of it.
  if (lhs_size == 1 && stride == 1 && undilated && low == size - 1 && high == low && reversed) {
    return SpatialKind::kFreeInRhs;
  }
  return SpatialKind::kWindow;
}

void AddSpatial(FactorRuleBuilder& rule, SpatialKind kind, int64_t lhs, int64_t rhs, int64_t out) {
  const int result = rule.result_slot();
  switch (kind) {
    case SpatialKind::kBatch:
      return rule.Add(FactorKind::kPass, {{0, lhs}, {1, rhs}, {result, out}});
    case SpatialKind::kContracted:
      return rule.Add(FactorKind::kSum, {{0, lhs}, {1, rhs}});
    case SpatialKind::kFreeInLhs:
      return rule.Add(FactorKind::kPass, {{0, lhs}, {result, out}});
    case SpatialKind::kFreeInRhs:
      return rule.Add(FactorKind::kPass, {{1, rhs}, {result, out}});
    case SpatialKind::kWindow:
      rule.Add(FactorKind::kHalo, {{0, lhs}});
      rule.Add(FactorKind::kHalo, {{1, rhs}});
  }
}

}  // namespace

// lhs[b m k+], rhs[b k+ n] -> out[b m n]. The result's dims are the batch dims in lhs order, lhs's
// free dims, rhs's free dims; batch and contracting dims pair by position.
FactorRule DotRule(FactorRuleBuilder rule) {
  const auto& numbers = rule.instruction().dot_dimension_numbers();
  const int result = rule.result_slot();
  int64_t out = 0;
  for (int i = 0; i < numbers.lhs_batch_dimensions_size(); ++i) {
    rule.Add(FactorKind::kPass, {{0, numbers.lhs_batch_dimensions(i)},
                                 {1, numbers.rhs_batch_dimensions(i)},
                                 {result, out++}});
  }
  for (int i = 0; i < numbers.lhs_contracting_dimensions_size(); ++i) {
    rule.Add(FactorKind::kSum, {{0, numbers.lhs_contracting_dimensions(i)},
                                {1, numbers.rhs_contracting_dimensions(i)}});
  }
  for (const int64_t dim :
       Others(rule.rank(0), numbers.lhs_batch_dimensions(), numbers.lhs_contracting_dimensions())) {
    rule.Add(FactorKind::kPass, {{0, dim}, {result, out++}});
  }
  for (const int64_t dim :
       Others(rule.rank(1), numbers.rhs_batch_dimensions(), numbers.rhs_contracting_dimensions())) {
    rule.Add(FactorKind::kPass, {{1, dim}, {result, out++}});
  }
  return std::move(rule).Build();
}

// As a dot of operands 0 and 1; scales have their operand's rank. A scale's contracting dim is a
// block of the operand's, so that a split of one is a split of the other where sizes divide.
FactorRule ScaledDotRule(FactorRuleBuilder rule) {
  const auto& numbers = rule.instruction().dot_dimension_numbers();
  const int result = rule.result_slot();
  const auto with_scale = [&](std::vector<FactorRuleBuilder::Place> places) {
    const size_t operands = places.size();
    for (size_t i = 0; i < operands; ++i) {
      const int scale = places[i].slot + 2;
      if (places[i].slot < 2 && rule.rank(scale) == rule.rank(places[i].slot)) {
        places.push_back({scale, places[i].dim});
      }
    }
    return places;
  };
  int64_t out = 0;
  for (int i = 0; i < numbers.lhs_batch_dimensions_size(); ++i) {
    rule.Add(FactorKind::kPass, with_scale({{0, numbers.lhs_batch_dimensions(i)},
                                            {1, numbers.rhs_batch_dimensions(i)},
                                            {result, out++}}));
  }
  for (int i = 0; i < numbers.lhs_contracting_dimensions_size(); ++i) {
    rule.Add(FactorKind::kSum, with_scale({{0, numbers.lhs_contracting_dimensions(i)},
                                           {1, numbers.rhs_contracting_dimensions(i)}}));
  }
  for (const int64_t dim :
       Others(rule.rank(0), numbers.lhs_batch_dimensions(), numbers.lhs_contracting_dimensions())) {
    rule.Add(FactorKind::kPass, with_scale({{0, dim}, {result, out++}}));
  }
  for (const int64_t dim :
       Others(rule.rank(1), numbers.rhs_batch_dimensions(), numbers.rhs_contracting_dimensions())) {
    rule.Add(FactorKind::kPass, with_scale({{1, dim}, {result, out++}}));
  }
  return std::move(rule).Build();
}

// lhs, rhs, sizes -> out. The ragged dim of lhs is cut by group sizes and stays whole, as do
// groups:
//   ragged free dim m:        lhs[b m# k+], rhs[g# b k+ n], sizes[.. g#] -> out[b m# n]
//   ragged contracted dim k:  lhs[b m k#], rhs[b k# n], sizes[.. g#]     -> out[g# b m n]
//   ragged batch dim b:       lhs[b# m k+], rhs[b# k+ n], sizes[g#]      -> out[b# m n]
FactorRule RaggedDotRule(FactorRuleBuilder rule) {
  const auto& ragged = rule.instruction().ragged_dot_dimension_numbers();
  const auto& numbers = ragged.dot_dimension_numbers();
  const auto& lhs_ragged = ragged.lhs_ragged_dimensions();
  const int result = rule.result_slot();
  const bool is_contracted =
      lhs_ragged.size() == 1 && Contains(numbers.lhs_contracting_dimensions(), lhs_ragged[0]);
  const bool is_batch =
      lhs_ragged.size() == 1 && Contains(numbers.lhs_batch_dimensions(), lhs_ragged[0]);
  // Sizes are one list for all, or one for each place in the batch (and in the free dims in front
  // of a ragged one, which then stay whole).
  const bool one_list = rule.rank(2) == 1;
  const bool per_batch =
      !is_batch && rule.rank(2) == numbers.lhs_batch_dimensions_size() + 1 && !one_list;
  int64_t out = is_contracted ? 1 : 0;
  for (int i = 0; i < numbers.lhs_batch_dimensions_size(); ++i, ++out) {
    const int64_t dim = numbers.lhs_batch_dimensions(i);
    if (Contains(lhs_ragged, dim) || (!one_list && !per_batch)) continue;
    std::vector<FactorRuleBuilder::Place> places = {
        {0, dim}, {1, numbers.rhs_batch_dimensions(i)}, {result, out}};
    if (per_batch) places.push_back({2, i});
    rule.Add(FactorKind::kPass, places);
  }
  for (int i = 0; i < numbers.lhs_contracting_dimensions_size(); ++i) {
    const int64_t dim = numbers.lhs_contracting_dimensions(i);
    if (Contains(lhs_ragged, dim)) continue;
    rule.Add(FactorKind::kSum, {{0, dim}, {1, numbers.rhs_contracting_dimensions(i)}});
  }
  for (const int64_t dim :
       Others(rule.rank(0), numbers.lhs_batch_dimensions(), numbers.lhs_contracting_dimensions())) {
    const bool is_listed = !one_list && !lhs_ragged.empty() && dim < lhs_ragged[0];
    if (!Contains(lhs_ragged, dim) && !is_listed) {
      rule.Add(FactorKind::kPass, {{0, dim}, {result, out}});
    }
    ++out;
  }
  for (const int64_t dim :
       Others(rule.rank(1), numbers.rhs_batch_dimensions(), numbers.rhs_contracting_dimensions())) {
    if (Contains(ragged.rhs_group_dimensions(), dim)) continue;
    rule.Add(FactorKind::kPass, {{1, dim}, {result, out++}});
  }
  return std::move(rule).Build();
}

// lhs[b f+ x], rhs[f+ o k] -> out[b o y] by the dimension numbers, never by position. With feature
// groups the major part of lhs features, rhs outputs and out features is the group; with batch
// groups the major part of the lhs batch takes the place of the lhs features. The minor parts
// cannot be cut in contiguous blocks and stay whole.
FactorRule ConvolutionRule(FactorRuleBuilder rule) {
  const auto& numbers = rule.instruction().convolution_dimension_numbers();
  const auto& window = rule.instruction().window();
  const int result = rule.result_slot();
  const int64_t feature_groups = OneIfUnset(rule.instruction().feature_group_count());
  const int64_t batch_groups = OneIfUnset(rule.instruction().batch_group_count());
  const FactorRuleBuilder::Place lhs_batch = {0, numbers.input_batch_dimension()};
  const FactorRuleBuilder::Place lhs_feature = {0, numbers.input_feature_dimension()};
  const FactorRuleBuilder::Place rhs_input = {1, numbers.kernel_input_feature_dimension()};
  const FactorRuleBuilder::Place rhs_output = {1, numbers.kernel_output_feature_dimension()};
  const FactorRuleBuilder::Place out_batch = {result, numbers.output_batch_dimension()};
  const FactorRuleBuilder::Place out_feature = {result, numbers.output_feature_dimension()};
  if (batch_groups == 1) rule.Add(FactorKind::kPass, {lhs_batch, out_batch});
  if (feature_groups > 1) {
    rule.AddOfSize(FactorKind::kPass, feature_groups, {lhs_feature, rhs_output, out_feature});
  } else if (batch_groups > 1) {
    rule.AddOfSize(FactorKind::kPass, batch_groups, {lhs_batch, rhs_output, out_feature});
    rule.Add(FactorKind::kSum, {lhs_feature, rhs_input});
  } else {
    rule.Add(FactorKind::kPass, {rhs_output, out_feature});
    rule.Add(FactorKind::kSum, {lhs_feature, rhs_input});
  }
  for (int i = 0; i < numbers.input_spatial_dimensions_size(); ++i) {
    const int64_t lhs = numbers.input_spatial_dimensions(i);
    AddSpatial(rule, Classify(window.dimensions(i), rule.size(0, lhs)), lhs,
               numbers.kernel_spatial_dimensions(i), numbers.output_spatial_dimensions(i));
  }
  return std::move(rule).Build();
}

// a[b # #] -> l[b # #].
FactorRule CholeskyRule(FactorRuleBuilder rule) {
  for (int dim = 0; dim + 2 < rule.rank(0); ++dim) {
    rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

// a[b # #], y[b # n] -> x[b # n]: right-hand sides are independent of each other.
FactorRule TriangularSolveRule(FactorRuleBuilder rule) {
  const int rank = rule.rank(0), result = rule.result_slot();
  for (int dim = 0; dim + 2 < rank; ++dim)
    rule.Add(FactorKind::kPass, {{0, dim}, {1, dim}, {result, dim}});
  const int free = rule.instruction().triangular_solve_options().left_side() ? rank - 1 : rank - 2;
  rule.Add(FactorKind::kPass, {{1, free}, {result, free}});
  return std::move(rule).Build();
}

// x[b #] -> y[b #]: the last fft_length dims are transformed.
FactorRule FftRule(FactorRuleBuilder rule) {
  for (int dim = 0; dim < rule.rank(0) - rule.instruction().fft_length_size(); ++dim) {
    rule.Add(FactorKind::kPass, {{0, dim}, {rule.result_slot(), dim}});
  }
  return std::move(rule).Build();
}

}  // namespace automap
