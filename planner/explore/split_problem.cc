#include "planner/explore/split_problem.h"

#include <algorithm>
#include <set>

#include "planner/plan/communication.h"

namespace automap {

SplitProblem::SplitProblem(const PreparedModule& module, const CostModel& model,
                           const AppliedDecisions& outer, int32_t outer_axes,
                           const SplitProblemOptions& options)
    : module_(module),
      model_(model),
      outer_(outer),
      outer_axes_(outer_axes),
      options_(options),
      semantics_(options.semantics),
      groups_(FindLinkageGroups(module.wiring(), module.roles(), options.role,
                                {options.axis_size, options.semantics}, &outer.splits())) {
  is_additive_ = !AnyOverlap(module_.wiring(), groups_.groups);
  semantics_.deferred_sums = semantics_.deferred_sums && is_additive_;
  FoldGroups();
  FindConflicts();
}

void SplitProblem::Price() {
  PriceGroups();
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

// What a factor's node takes whole (`whole`: by node), less what it takes split, and what earlier
// axes save when the results that they combine are split.
Seconds SplitProblem::GainOf(FactorId factor, absl::Span<const Seconds> whole,
                             absl::Span<const Propagation* const> axes,
                             const OuterCollectives& outer) const {
  const Lowering& lowering = module_.lowering();
  const Wiring& wiring = module_.wiring();
  const NodeId node = wiring.factor(factor).node;
  const double parts = PartsOf(wiring.factor(factor), options_.axis_size);
  Seconds gain;
  if (lowering.HasStep(node)) {
    gain = whole[node] - model_.StepTime(lowering.StepOf(node, axes, factor, parts));
  }
  for (const TensorDim& result : wiring.split_results(factor)) {
    const auto [begin, end] = outer.equal_range(result.tensor);
    for (auto step = begin; step != end; ++step) {
      CollectiveStep smaller = step->second;
      smaller.bytes = smaller.bytes / parts;
      gain += model_.StepTime(step->second) - model_.StepTime(smaller);
    }
  }
  return gain;
}

void SplitProblem::FindConflicts() {
  std::vector<int32_t> decision_of(groups_.groups.size());
  for (size_t d = 0; d < decisions_.size(); ++d) {
    for (const int32_t group : decisions_[d].groups) decision_of[group] = d;
  }
  for (SplitDecision& decision : decisions_) {
    std::set<int32_t> others;
    for (const int32_t group : decision.groups) {
      for (const int32_t other : groups_.conflicts[group]) others.insert(decision_of[other]);
    }
    decision.conflicts.assign(others.begin(), others.end());
  }
}

void SplitProblem::PriceGroups() {
  const Lowering& lowering = module_.lowering();
  const std::vector<const Propagation*> axes = outer_.axes();
  const Program whole = lowering.Lower(axes);
  std::vector<Seconds> whole_times(module_.graph().node_count());
  for (const Step& step : whole.steps) {
    const Seconds time = std::visit([&](const auto& item) { return model_.StepTime(item); }, step);
    base_time_ += time;
    const auto* work = std::get_if<ComputeStep>(&step);
    if (work != nullptr && work->label >= 0) whole_times[work->label] = time;
  }
  buffers_ = lowering.buffers();
  for (size_t b = 0; b < buffers_.size(); ++b) buffers_[b].bytes = whole.buffers[b].bytes;
  OuterCollectives outer_collectives;
  for (int32_t axis = 0; axis < static_cast<int32_t>(axes.size()); ++axis) {
    for (const PlacedCollective& placed : CollectivesOf(lowering, axis, axes)) {
      outer_collectives.emplace(placed.tensor, placed.step);
      if (const auto copy = GatheredCopy(lowering, placed)) outer_copies_.push_back(*copy);
    }
  }
  for (size_t g = 0; g < groups_.groups.size(); ++g) {
    const LinkageGroup& group = groups_.groups[g];
    auto& gains = gains_.emplace_back();
    for (const FactorId factor : group.factors) {
      gains.emplace_back(factor, GainOf(factor, whole_times, axes, outer_collectives));
    }
    std::sort(gains.begin(), gains.end());
    PriceCollectives(g, axes);
    auto& buffers = group_buffers_.emplace_back();
    for (const TensorDim& place : group.tensors) {
      const int32_t buffer = lowering.buffer_of(place.tensor);
      if (buffer < 0 || lowering.buffers()[buffer].label != place.tensor) continue;
      const int64_t size = module_.graph().tensor(place.tensor).dims[place.dim] / place.outer;
      buffers.push_back({buffer, PartsOf(size, options_.axis_size)});
    }
  }
}

// Takes a group's collectives off the gains of the factors that they follow from; those at cuts
// have numbers of their own.
void SplitProblem::PriceCollectives(size_t group, absl::Span<const Propagation* const> axes) {
  const LinkageGroup& found = groups_.groups[group];
  auto& gains = gains_[group];
  const size_t factors = gains.size();
  Seconds& communication = group_communication_.emplace_back();
  auto& copies = group_copies_.emplace_back();
  Cuts cuts(module_.wiring());
  for (const Cut& cut : found.cuts) cuts.Add(cut);
  const AxisOfPlan of_plan = {outer_axes_, options_.axis_size, semantics_, &cuts};
  const Consequences consequences = {found.factors, found.tensors};
  for (const PlacedCollective& placed :
       CollectivesOf(module_.lowering(), consequences, of_plan, axes)) {
    const Seconds time = model_.StepTime(placed.step);
    communication += time;
    if (placed.factor >= 0) {
      const auto gain = std::lower_bound(gains.begin(), gains.begin() + factors,
                                         std::make_pair(placed.factor, Seconds{-1e30}));
      gain->second -= time;
    } else {
      const auto number = cut_numbers_.try_emplace(
          {placed.node, placed.is_before, placed.tensor},
          static_cast<int32_t>(module_.wiring().factor_count() + cut_numbers_.size()));
      gains.emplace_back(number.first->second, Seconds{0} - time);
    }
    if (const auto copy = GatheredCopy(module_.lowering(), placed)) copies.push_back(*copy);
  }
}

void SplitProblem::PriceDecisions() {
  for (SplitDecision& decision : decisions_) {
    for (const int32_t group : decision.groups) {
      decision.members += groups_.groups[group].members.size();
      decision.communication += group_communication_[group];
      for (const auto& [number, gain] : gains_[group]) decision.gain += gain;
      for (const auto& [buffer, parts] : group_buffers_[group]) {
        if (buffers_[buffer].role == BufferRole::kActivation) continue;
        decision.memory += buffers_[buffer].bytes * (1 - 1 / parts);
      }
    }
  }
}

Seconds SplitProblem::StepTime(const std::vector<bool>& chosen) const {
  Seconds time = base_time_;
  std::vector<bool> counted(
      is_additive_ ? 0 : module_.wiring().factor_count() + cut_numbers_.size(), false);
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    if (is_additive_) {
      time -= decisions_[d].gain;
      continue;
    }
    for (const int32_t group : decisions_[d].groups) {
      for (const auto& [number, gain] : gains_[group]) {
        if (!counted[number]) time -= gain;
        counted[number] = true;
      }
    }
  }
  return time;
}

Bytes SplitProblem::PeakMemory(const std::vector<bool>& chosen, bool with_copies) const {
  std::vector<Buffer> buffers = buffers_;
  std::vector<double> parts_of(buffers.size(), 1);
  std::vector<Buffer> copies = outer_copies_;
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    for (const int32_t group : decisions_[d].groups) {
      for (const auto& [buffer, parts] : group_buffers_[group])
        parts_of[buffer] = std::max(parts_of[buffer], parts);
      if (!with_copies) continue;
      copies.insert(copies.end(), group_copies_[group].begin(), group_copies_[group].end());
    }
  }
  if (!is_additive_) {  // groups may gather the same
    const auto place = [](const Buffer& b) {
      return std::tuple(b.label, b.first_step, b.last_step);
    };
    std::sort(copies.begin(), copies.end(),
              [&](const Buffer& a, const Buffer& b) { return place(a) < place(b); });
    copies.erase(
        std::unique(copies.begin(), copies.end(),
                    [&](const Buffer& a, const Buffer& b) { return place(a) == place(b); }),
        copies.end());
  }
  for (size_t b = 0; b < buffers.size(); ++b) buffers[b].bytes = buffers[b].bytes / parts_of[b];
  buffers.insert(buffers.end(), copies.begin(), copies.end());
  return PeakOf(buffers, step_count()).bytes;
}

SplitCost SplitProblem::Cost(const std::vector<bool>& chosen) const {
  SplitCost cost = {StepTime(chosen), PeakMemory(chosen, true), true};
  cost.fits = cost.peak_memory <= memory_limit();
  return cost;
}

bool SplitProblem::IsBetter(const SplitCost& a, const SplitCost& b) const {
  if (options_.ignore_memory) return a.step_time < b.step_time;
  if (a.fits != b.fits) return a.fits;
  if (a.fits || a.peak_memory == b.peak_memory) return a.step_time < b.step_time;
  return a.peak_memory < b.peak_memory;
}

AxisDecisions SplitProblem::Decide(const std::vector<bool>& chosen) const {
  AxisDecisions axis = {options_.axis, options_.axis_size, {}};
  axis.sums_at_once = semantics_ != options_.semantics;
  for (size_t d = 0; d < decisions_.size(); ++d) {
    if (!chosen[d]) continue;
    for (const int32_t group : decisions_[d].groups) {
      const LinkageGroup& found = groups_.groups[group];
      axis.splits.push_back(found.members.front());
      axis.cuts.insert(axis.cuts.end(), found.cuts.begin(), found.cuts.end());
    }
  }
  std::sort(axis.cuts.begin(), axis.cuts.end());
  return axis;
}

}  // namespace automap
