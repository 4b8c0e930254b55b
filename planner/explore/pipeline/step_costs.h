// What a training step costs, operation by operation, when its batch is cut into micro-batches and
// its arrays, maybe, over a model axis: all that layers are made of.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/pipeline/layer_chain.h"
#include "planner/explore/pipeline/step_facts.h"
#include "planner/plan/communication.h"
#include "simulator/evaluate.h"

namespace automap {

// Seconds of a share f of the batch on one device: fixed + scaled x f.
struct ShareTime {
  Seconds fixed, scaled;
};

// Times of operations that are split, by device type and factor; filled as they are asked for. One
// for each size of the model axis; not thread-safe.
using SplitTimes = std::vector<std::vector<std::optional<ShareTime>>>;

// When an operation runs: in every micro-batch forward or backward, or once in the update.
enum class StepPart { kForward, kBackward, kUpdate };

// Adds an operation's time to its layer's; in the update `fixed` alone counts.
void AddTo(LayerTimes& times, StepPart part, const ShareTime& time);
// `to` and `sign` times `from`.
void Add(LayerTimes& to, const LayerTimes& from, double sign = 1);

// Immutable. The module and the cluster must outlive it.
class StepCosts {
 public:
  // Errors as ChainOfModule.
  static absl::StatusOr<std::unique_ptr<const StepCosts>> Create(const PreparedModule& module,
                                                                 const Cluster& cluster,
                                                                 int32_t micro_batches,
                                                                 int32_t max_layers = 128);
  static absl::StatusOr<std::unique_ptr<const StepCosts>> Create(StepFacts& facts,
                                                                 const Cluster& cluster,
                                                                 int32_t micro_batches,
                                                                 int32_t max_layers = 128);

  const PreparedModule& module() const { return module_; }
  const Cluster& cluster() const { return cluster_; }
  int32_t micro_batches() const { return micro_batches_; }
  const PriorSplits& batch_splits() const { return batch_splits_; }
  size_t layer_count() const { return cuts_.size(); }
  int64_t batch_size() const { return HasBatch() ? batch_->size : 1; }
  bool HasBatch() const { return batch_->propagation != nullptr; }
  // Whether a tensor has the batch among its dims, so that a micro-batch has a part of it.
  bool DependsOnBatch(TensorId tensor) const {
    return HasBatch() && batch_->propagation->split_dim(tensor) >= 0;
  }

  StepPart PartOf(NodeId node) const {
    return is_update_[node]            ? StepPart::kUpdate
           : phases_->is_forward[node] ? StepPart::kForward
                                       : StepPart::kBackward;
  }
  // By node: the layer that it is counted in. By parameter: where it lives.
  int32_t LayerOf(NodeId node) const { return layer_of_slot_[phases_->slot_of[node]]; }
  int32_t HomeOf(size_t parameter) const {
    return layer_of_slot_[std::max(0, phases_->home[parameter])];
  }
  // Bytes of the whole batch that a tensor adds to what is saved for the backward pass.
  double SavedBytes(TensorId tensor) const { return saved_[tensor]; }
  // Bytes that replicas sum once a step where a tensor is made.
  double GradientBytes(TensorId tensor) const { return gradients_[tensor]; }

  // The model axis under these decisions. FAILED_PRECONDITION when they conflict.
  absl::StatusOr<AppliedAxis> Apply(const AxisDecisions& model, const Semantics& semantics) const {
    return ApplyAxis(module_, model, semantics, batch_splits_);
  }

  // Of an operation as a whole; of one whose split `model` has just made.
  ShareTime TimeOf(size_t type, NodeId node) const { return whole_[type][node]; }
  ShareTime TimeOf(size_t type, NodeId node, const Propagation& model,
                   SplitTimes* known = nullptr) const;
  // What each of several micro-batches takes to add so many bytes of gradients to those of the ones
  // before: three accesses. One micro-batch takes nothing.
  Seconds AccumulationTime(size_t type, Bytes gradients) const;
  // Of a collective of the model axis, whose mesh is (data, model), and its bytes.
  LayerExchange ExchangeOf(const PlacedCollective& collective, const CostModel& model) const;
  // The cost model of collectives on a model axis of that size.
  absl::StatusOr<CostModel> ModelAxisCosts(int64_t size) const;

  // `model` null: nothing is split. O(graph).
  LayerChain Chain(const Propagation* model = nullptr, SplitTimes* known = nullptr) const;

 private:
  class Sums;

  StepCosts(const PreparedModule& module, const Cluster& cluster,
            std::shared_ptr<const StepPhases> phases, std::shared_ptr<const Batch> batch,
            int32_t micro_batches, std::vector<CostModel> devices);
  ShareTime Measure(size_t type, NodeId node, absl::Span<const Propagation* const> axes) const;
  void MeasureTimes();
  void FindSaved();
  void FindGradients();
  void FindCrossings();
  void FindLoops();
  bool MayCutAfter(size_t slot) const {
    return slot + 1 < loops_.size() &&
           (loops_[slot] == nullptr || loops_[slot] != loops_[slot + 1]);
  }
  void ChooseCuts(int32_t max_layers);
  void FormLayers(const Sums& sums);
  void SplitLayers(const Propagation& model, SplitTimes* known, LayerChain& chain) const;
  int32_t BatchStatistics() const;
  void AddShared(const Propagation* model, LayerChain& chain) const;

  const PreparedModule& module_;
  const Graph& graph_;
  const Cluster& cluster_;
  const std::shared_ptr<const StepPhases> phases_;
  const std::shared_ptr<const Batch> batch_;
  PriorSplits batch_splits_;
  const int32_t micro_batches_;
  double large_ = 1, small_ = 1;  // shares of the batch that lines are laid through
  const std::vector<bool> is_update_;
  const std::vector<CostModel> devices_;       // by device type
  std::vector<std::vector<ShareTime>> whole_;  // by device type and node
  std::vector<double> saved_, gradients_;      // by tensor
  // A forward array that crosses from one slot to others, [made, last).
  struct Crossing {
    TensorId tensor = -1;
    int32_t made = 0, last = 0;
  };
  std::vector<Crossing> crossings_;
  std::vector<const xla::HloInstructionProto*> loops_;  // by slot, the outermost around it
  std::vector<int32_t> cuts_;                           // last slots of the layers, ascending
  std::vector<int32_t> layer_of_slot_;
  std::vector<Layer> whole_layers_;  // nothing split
};

}  // namespace automap
