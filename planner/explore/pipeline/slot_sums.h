// What a step's operations come to slot by slot of the forward pass, to be summed into layers.
#pragma once

#include <map>
#include <vector>

#include "planner/explore/pipeline/step_costs.h"

namespace automap {

// Everything by slot, before layers are formed. `costs` and `model` (null: nothing is split) must
// outlive it; `known` is asked while it is built. O(graph x device types) to build.
class StepCosts::Sums {
 public:
  Sums(const StepCosts& costs, const Propagation* model, SplitTimes* known);

  const std::vector<LayerTimes>& times(size_t type) const { return times_[type]; }
  double boundary(size_t slot) const { return boundary_[slot]; }

  // The layer of the slots [begin, last], but for its names.
  Layer LayerOf(int32_t begin, int32_t last) const;

 private:
  int32_t SlotOf(NodeId node) const { return costs_.phases_->slot_of[node]; }

  // Of a tensor on one device, the batch whole.
  double SizeOf(TensorId tensor) const { return BytesOf(tensor) / PartsOfModel(tensor); }
  double BytesOf(TensorId tensor) const { return costs_.module_.lowering().SizeOf(tensor).value; }
  double PartsOfModel(TensorId tensor) const {
    return model_ == nullptr ? 1 : PartsOf(tensor, {&model_, 1});
  }

  void SumTimes(SplitTimes* known);
  void SumBoundaries();
  void SumMemory();
  void SumOperation(NodeId node);
  void SumExchanges();
  void KeepCopy(const PlacedCollective& placed);

  const StepCosts& costs_;
  const Graph& graph_;
  const Propagation* model_;
  const size_t slots_;
  std::vector<std::vector<LayerTimes>> times_;  // by device type
  std::vector<double> boundary_, gathered_, saved_, variables_, optimizer_, gradients_, workspace_,
      fixed_workspace_;
  std::vector<int32_t> variable_count_;
  std::map<int32_t, std::vector<LayerExchange>> exchanges_;
};

}  // namespace automap
