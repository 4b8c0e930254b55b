// Choosing splits on one mesh axis, as a problem over linkage groups: which groups to split so that
// the step is fastest. Serves operator partitioning (groups of variables) and data parallelism
// (groups of inputs) alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "planner/plan/decisions.h"
#include "simulator/evaluate.h"

namespace automap {

// One choice: split all of `groups` or none of them. More than one group where copies are folded.
struct SplitDecision {
  std::vector<int32_t> groups;
  int64_t members = 0;                  // (parameter, dim) pairs that it decides
  Seconds gain = {};                    // step time saved when only this is split; < 0: it costs
  Seconds communication = {};           // part of the gain that its collectives take away
  Bytes memory = {};                    // saved of parameters and their state
  std::vector<int32_t> conflicts = {};  // decisions that exclude it, ascending
};

// What a choice of decisions costs.
struct SplitCost {
  Seconds step_time;
  Bytes peak_memory;
  bool fits = true;
};

struct SplitProblemOptions {
  Role role = Role::kVariable;
  std::string axis = "model";
  int32_t axis_size = 2;
  Semantics semantics = {};
  bool fold_copies = true;
  bool ignore_memory = false;
};

// What an earlier axis combines, by the tensor that it combines.
using OuterCollectives = std::multimap<TensorId, CollectiveStep>;

// Immutable once it is priced; shared by the environments of all engines.
class SplitProblem {
 public:
  // The axis comes after those in `outer` (it holds consecutive devices); `model` is the cost model
  // of the whole mesh. Not priced yet: decisions, what they exclude and Decide only.
  SplitProblem(const PreparedModule& module, const CostModel& model, const AppliedDecisions& outer,
               int32_t outer_axes, const SplitProblemOptions& options);
  // Works out what everything costs. Once.
  void Price();

  const std::vector<SplitDecision>& decisions() const { return decisions_; }
  const LinkageGroups& groups() const { return groups_; }
  const SplitProblemOptions& options() const { return options_; }
  Seconds base_time() const { return base_time_; }  // nothing split
  Bytes memory_limit() const { return model_.memory_limit(); }
  // Whether gains add up: no two decisions touch the same operation.
  bool is_additive() const { return is_additive_; }

  // `chosen` by decision. Chosen decisions must not conflict. O(chosen groups' size + buffers).
  SplitCost Cost(const std::vector<bool>& chosen) const;
  // The time alone. O(decisions) when gains add up.
  Seconds StepTime(const std::vector<bool>& chosen) const;

  // Bytes that a choice needs at least, whatever is gathered for it: never rises when more is
  // split. `chosen` may conflict.
  Bytes LeastMemory(const std::vector<bool>& chosen) const { return PeakMemory(chosen, false); }

  // What memory consists of, for SplitMemory: the buffers under the outer splits, in the order of
  // Lowering::buffers, with places for steps; which of them a group splits and into how many parts;
  // and the whole copies that the outer splits and a group's need.
  const std::vector<Buffer>& buffers() const { return buffers_; }
  const std::vector<std::pair<int32_t, double>>& split_buffers(size_t group) const {
    return group_buffers_[group];
  }
  const std::vector<Buffer>& outer_copies() const { return outer_copies_; }
  const std::vector<Buffer>& copies_of(size_t group) const { return group_copies_[group]; }
  int32_t step_count() const { return std::max(1, module_.graph().node_count()); }

  // Whether a is the better cost: fits before not, then time; where neither fits, memory first.
  bool IsBetter(const SplitCost& a, const SplitCost& b) const;

  // The (parameter, dim) pairs to split, one per group, and the cuts that make it possible.
  AxisDecisions Decide(const std::vector<bool>& chosen) const;

 private:
  void FoldGroups();
  void FindConflicts();
  void PriceGroups();
  Seconds GainOf(FactorId factor, absl::Span<const Seconds> whole,
                 absl::Span<const Propagation* const> axes, const OuterCollectives& outer) const;
  void PriceCollectives(size_t group, absl::Span<const Propagation* const> axes);
  void PriceDecisions();
  Bytes PeakMemory(const std::vector<bool>& chosen, bool with_copies) const;

  const PreparedModule& module_;
  const CostModel model_;
  const AppliedDecisions& outer_;
  const int32_t outer_axes_;
  const SplitProblemOptions options_;
  Semantics semantics_;  // as given, but that sums are not deferred where groups overlap
  LinkageGroups groups_;
  std::vector<SplitDecision> decisions_;
  Seconds base_time_;
  bool is_additive_ = true;
  // By group: what each of its factors saves, and behind them what each collective at a cut costs,
  // by number: the factor's own, or one behind all factors. Of several groups each counts once.
  std::vector<std::vector<std::pair<int32_t, Seconds>>> gains_;
  std::map<std::tuple<NodeId, bool, TensorId>, int32_t> cut_numbers_;
  std::vector<Seconds> group_communication_;
  std::vector<Buffer> buffers_;
  // By group: the buffers that it splits, and into how many parts.
  std::vector<std::vector<std::pair<int32_t, double>>> group_buffers_;
  std::vector<Buffer> outer_copies_;
  std::vector<std::vector<Buffer>> group_copies_;  // by group: gathered operands
};

}  // namespace automap
