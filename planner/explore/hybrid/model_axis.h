// What a model axis of a given size can split inside pipeline stages, and what that comes to layer
// by layer.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/hybrid/axis_groups.h"

namespace automap {

// What decides among splits: what they are worth in a layer.
struct LayerPrice {
  double micro_batches = 1;              // that count in full
  double share = 1;                      // of the batch that a device has in a micro-batch
  double seconds_per_gradient_byte = 0;  // of the all-reduce among the replicas of its stage
  double seconds_per_byte = 0;           // of memory that is saved
  int32_t in_flight = 1;                 // micro-batches that its stage holds
};

// The linkage groups of the variables on the axis, after the batch has been cut, with what each
// saves and costs in each layer. Where no two groups touch one operation (`is_additive`), a chain
// under any choice is the whole one less what the chosen groups save.
//
// `costs` must outlive it. Not thread-safe.
class ModelAxis {
 public:
  // INVALID_ARGUMENT when the size does not divide the cluster's devices. One propagation for each
  // group, besides those that find the groups, where `known` does not have them.
  static absl::StatusOr<ModelAxis> Create(const StepCosts& costs, int32_t size,
                                          const Semantics& semantics,
                                          KnownAxisGroups* known = nullptr);

  int32_t size() const { return size_; }
  size_t group_count() const { return groups().size(); }
  bool is_additive() const { return groups_->is_additive; }
  bool SumsAtOnce() const { return semantics_ != given_; }

  // The compatible groups that are worth most together (planner/oracle/best_choice.h), at these
  // prices by layer. By group.
  std::vector<bool> Choose(const std::vector<LayerPrice>& prices) const;

  // By group: those that are structurally equal have the same number (LinkageGroup::structure).
  std::vector<int32_t> Structures() const;
  // A choice in which these groups are split, or not; what excludes them is not.
  std::vector<bool> With(std::vector<bool> chosen, const std::vector<int32_t>& groups,
                         bool split) const;

  AxisDecisions Decide(const std::vector<bool>& chosen) const;

  // The chain under a choice, as ChainOfModule makes it.
  absl::StatusOr<LayerChain> Chain(const std::vector<bool>& chosen);

  // A chain that is at least as good in every respect as that of any choice. The forward and the
  // backward pass of each layer are split as is best for them alone, by groups that go together
  // there, whatever the other layers do; where groups are not additive each operation is, by any of
  // them, and nothing is exchanged. Every array is stored split that any group splits; what crosses
  // a cut is split. A pipeline of it is a lower bound, and when that does not fit nothing does.
  LayerChain RelaxedChain() const;

 private:
  // What a group saves in one layer; costs are negative.
  struct LayerGain {
    int32_t layer = 0;
    std::vector<LayerTimes> times;        // by device type
    double variables = 0, optimizer = 0;  // bytes
    double saved = 0;                     // of the whole batch
    double gradients = 0;                 // all-reduced among replicas
  };
  using GroupGains = std::vector<LayerGain>;  // by layer, ascending
  class GainTable;

  ModelAxis(const StepCosts& costs, int32_t size, const Semantics& semantics, CostModel model,
            std::shared_ptr<const AxisGroups> groups);
  const std::vector<LinkageGroup>& groups() const { return groups_->all.groups; }
  struct GroupInLayer {
    int32_t group = 0;
    const LayerGain* gain = nullptr;
  };
  // What splits by one group save of an operation, by device type.
  struct NodeGain {
    NodeId node = -1;
    StepPart part = StepPart::kForward;
    std::vector<ShareTime> saved;
  };
  // All that is to be had in a layer.
  struct LayerGains {
    std::vector<GroupInLayer> groups;
    std::vector<NodeGain> nodes;        // where groups are not additive: equal ones side by side
    const LayerGain* memory = nullptr;  // of all groups together
  };
  void FindGains();
  std::vector<LayerGains> GainsByLayer() const;
  Seconds MostSaved(const LayerGains& gains, size_t type, StepPart part, double share) const;
  Seconds MostSavedTogether(const std::vector<GroupInLayer>& groups, size_t type, StepPart part,
                            double share) const;
  void RelaxTimes(const LayerGains& gains, size_t type, LayerTimes& times) const;
  double WorthOf(const GroupGains& gains, const std::vector<LayerPrice>& prices) const;

  const StepCosts& costs_;
  const int32_t size_;
  const CostModel model_;
  const Semantics given_;
  Semantics semantics_;  // as given, but that sums are not deferred where groups overlap
  const std::shared_ptr<const AxisGroups> groups_;
  SplitTimes times_;
  std::vector<GroupGains> gains_;     // by group
  std::vector<NodeGain> node_gains_;  // of all groups, where they are not additive
  GroupGains memory_;                 // of all groups together, conflicts left out
};

}  // namespace automap
