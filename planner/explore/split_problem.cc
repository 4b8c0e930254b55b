#include "planner/explore/split_problem.h"

#include <algorithm>
#include <set>

namespace automap {

SplitProblem::SplitProblem(const PreparedModule& module, const CostModel& model,
                           const AppliedDecisions& outer, int32_t outer_axes,
                           const SplitProblemOptions& options)
    : module_(module),
      model_(model),
      options_(options),
      groups_(FindLinkageGroups(module.wiring(), module.roles(), options.role,
                                {options.axis_size, options.semantics}, &outer.splits())) {
  PriceGroups(outer, outer_axes);
  FoldGroups();
  PriceDecisions();
}

// A structure is folded when its copies go together pairwise and exclude the same structures: then
// equal copies have equal gains and equal neighbours, and splitting all of them or none loses
// nothing.
void SplitProblem::FoldGroups() {
  std::vector<std::vector<int32_t>> copies(groups_.copies.size());
  for (size_t g = 0; g < groups_.groups.size(); ++g)
    copies[groups_.groups[g].structure].push_back(g);
  const auto neighbours = [&](int32_t group) {
    std::set<int32_t> structures;
    for (const int32_t other : groups_.conflicts[group])
      structures.insert(groups_.groups[other].structure);
    return structures;
  };
  const auto folds = [&](const std::vector<int32_t>& groups) {
    if (!options_.fold_copies) return false;
    const std::set<int32_t> expected = neighbours(groups.front());
    if (expected.contains(groups_.groups[groups.front()].structure)) return false;
    return std::all_of(groups.begin(), groups.end(),
                       [&](int32_t group) { return neighbours(group) == expected; });
  };
  std::vector<bool> is_folded(copies.size());
  for (size_t s = 0; s < copies.size(); ++s) is_folded[s] = folds(copies[s]);
  for (size_t g = 0; g < groups_.groups.size(); ++g) {
    const int32_t structure = groups_.groups[g].structure;
    if (!is_folded[structure]) {
      decisions_.push_back({.groups = {static_cast<int32_t>(g)}});
    } else if (copies[structure].front() == static_cast<int32_t>(g)) {
      decisions_.push_back({.groups = copies[structure]});
    }
  }
}

// The gain of a factor: what its node takes whole, less what it takes split and the all-reduces of
// its partial results.
void SplitProblem::PriceGroups(const AppliedDecisions& outer, int32_t outer_axes) {
  const Lowering& lowering = module_.lowering();
  const std::vector<const Propagation*> axes = outer.axes();
  const Program whole = lowering.Lower(axes);
  for (const Step& step : whole.steps) {
    base_time_ += std::visit([&](const auto& item) { return model_.StepTime(item); }, step);
  }
  for (const Buffer& buffer : whole.buffers) buffer_bytes_.push_back(buffer.bytes.value);
  std::vector<bool> is_claimed(module_.wiring().factor_count(), false);
  for (const LinkageGroup& group : groups_.groups) {
    auto& gains = factor_gains_.emplace_back();
    Seconds& communication = group_communication_.emplace_back();
    for (const FactorId factor : group.factors) {
      is_additive_ = is_additive_ && !is_claimed[factor];
      is_claimed[factor] = true;
      const NodeId node = module_.wiring().factor(factor).node;
      Seconds gain;
      if (lowering.HasStep(node)) {
        gain = model_.StepTime(lowering.StepOf(node, axes)) -
               model_.StepTime(lowering.StepOf(node, axes, factor, options_.axis_size));
      }
      for (const CollectiveStep& step : lowering.Collectives(factor, outer_axes, axes)) {
        communication += model_.StepTime(step);
        gain -= model_.StepTime(step);
      }
      gains.emplace_back(factor, gain);
    }
    auto& buffers = group_buffers_.emplace_back();
    for (const TensorDim& place : group.tensors) {
      const int32_t buffer = lowering.buffer_of(place.tensor);
      if (buffer >= 0 && lowering.buffers()[buffer].label == place.tensor)
        buffers.push_back(buffer);
    }
    std::sort(buffers.begin(), buffers.end());
  }
}

void SplitProblem::PriceDecisions() {
  std::vector<int32_t> decision_of(groups_.groups.size());
  for (size_t d = 0; d < decisions_.size(); ++d) {
    for (const int32_t group : decisions_[d].groups) decision_of[group] = d;
  }
  for (SplitDecision& decision : decisions_) {
    for (const int32_t group : decision.groups) {
      decision.members += groups_.groups[group].members.size();
      decision.communication += group_communication_[group];
      for (const auto& [factor, gain] : factor_gains_[group]) decision.gain += gain;
      for (const int32_t buffer : group_buffers_[group]) {
        if (module_.lowering().buffers()[buffer].role == BufferRole::kActivation) continue;
        decision.memory += Bytes{buffer_bytes_[buffer] * (1 - 1.0 / options_.axis_size)};
      }
      for (const int32_t other : groups_.conflicts[group])
        decision.conflicts.push_back(decision_of[other]);
    }
    std::sort(decision.conflicts.begin(), decision.conflicts.end());
    decision.conflicts.erase(std::unique(decision.conflicts.begin(), decision.conflicts.end()),
                             decision.conflicts.end());
  }
}

Seconds SplitProblem::StepTime(const std::vector<bool>& chosen) const {
  Seconds time = base_time_;
  std::vector<bool> counted(is_additive_ ? 0 : module_.wiring().factor_count(), false);
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    if (is_additive_) {
      time -= decisions_[d].gain;
      continue;
    }
    for (const int32_t group : decisions_[d].groups) {
      for (const auto& [factor, gain] : factor_gains_[group]) {
        if (!counted[factor]) time -= gain;
        counted[factor] = true;
      }
    }
  }
  return time;
}

Bytes SplitProblem::PeakMemory(const std::vector<bool>& chosen) const {
  std::vector<Buffer> buffers = module_.lowering().buffers();
  std::vector<bool> is_split(buffers.size(), false);
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    for (const int32_t group : decisions_[d].groups) {
      for (const int32_t buffer : group_buffers_[group]) is_split[buffer] = true;
    }
  }
  for (size_t b = 0; b < buffers.size(); ++b) {
    buffers[b].bytes = Bytes{buffer_bytes_[b] / (is_split[b] ? options_.axis_size : 1)};
  }
  return PeakOf(buffers, std::max(1, module_.graph().node_count())).bytes;
}

SplitCost SplitProblem::Cost(const std::vector<bool>& chosen) const {
  SplitCost cost = {StepTime(chosen), PeakMemory(chosen), true};
  cost.fits = cost.peak_memory <= memory_limit();
  return cost;
}

bool SplitProblem::IsBetter(const SplitCost& a, const SplitCost& b) const {
  if (options_.ignore_memory) return a.step_time < b.step_time;
  if (a.fits != b.fits) return a.fits;
  if (a.fits || a.peak_memory == b.peak_memory) return a.step_time < b.step_time;
  return a.peak_memory < b.peak_memory;
}

std::vector<ParameterDim> SplitProblem::Splits(const std::vector<bool>& chosen) const {
  std::vector<ParameterDim> splits;
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    for (const int32_t group : decisions_[d].groups)
      splits.push_back(groups_.groups[group].members.front());
  }
  return splits;
}

}  // namespace automap
