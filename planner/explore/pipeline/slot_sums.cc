#include "planner/explore/pipeline/slot_sums.h"

#include <algorithm>

#include "planner/plan/lowering.h"

namespace automap {
namespace {

void Add(LayerExchange& to, const LayerExchange& from) {
  to.kind = from.kind;
  to.count += from.count;
  to.update_count += from.update_count;
  to.fixed += from.fixed;
  to.scaled += from.scaled;
  to.update += from.update;
  Add(to.times, from.times);
}

}  // namespace

StepCosts::Sums::Sums(const StepCosts& costs, const Propagation* model, SplitTimes* known)
    : costs_(costs),
      graph_(costs.graph_),
      model_(model),
      slots_(costs.phases_->slots.size()),
      times_(costs.devices_.size(), std::vector<LayerTimes>(slots_)),
      boundary_(slots_, 0.0),
      gathered_(slots_, 0.0),
      saved_(slots_, 0.0),
      variables_(slots_, 0.0),
      optimizer_(slots_, 0.0),
      gradients_(slots_, 0.0),
      workspace_(slots_, 0.0),
      fixed_workspace_(slots_, 0.0),
      variable_count_(slots_, 0) {
  SumTimes(known);
  SumBoundaries();
  SumMemory();
  if (model_ != nullptr) SumExchanges();
}

Layer StepCosts::Sums::LayerOf(int32_t begin, int32_t last) const {
  Layer layer;
  layer.times.resize(times_.size());
  layer.boundary = {boundary_[last]};
  layer.gathered = {gathered_[last]};
  layer.forward_operations = last - begin + 1;
  std::map<CollectiveKind, LayerExchange> exchanges;
  for (int32_t slot = begin; slot <= last; ++slot) {
    for (size_t type = 0; type < layer.times.size(); ++type)
      Add(layer.times[type], times_[type][slot]);
    layer.saved += Bytes{saved_[slot]};
    layer.variables += Bytes{variables_[slot]};
    layer.optimizer_state += Bytes{optimizer_[slot]};
    layer.gradients += Bytes{gradients_[slot]};
    layer.workspace = std::max(layer.workspace, Bytes{workspace_[slot]});
    layer.fixed_workspace = std::max(layer.fixed_workspace, Bytes{fixed_workspace_[slot]});
    layer.variable_count += variable_count_[slot];
    const auto of_slot = exchanges_.find(slot);
    if (of_slot == exchanges_.end()) continue;
    for (const LayerExchange& exchange : of_slot->second) Add(exchanges[exchange.kind], exchange);
  }
  for (const auto& [kind, exchange] : exchanges) layer.exchanges.push_back(exchange);
  return layer;
}

void StepCosts::Sums::SumTimes(SplitTimes* known) {
  for (size_t type = 0; type < times_.size(); ++type) {
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (!costs_.module_.lowering().HasStep(node)) continue;
      AddTo(times_[type][SlotOf(node)], costs_.PartOf(node),
            model_ == nullptr ? costs_.TimeOf(type, node)
                              : costs_.TimeOf(type, node, *model_, known));
    }
  }
}

void StepCosts::Sums::SumBoundaries() {
  std::vector<double> change(slots_ + 1, 0.0), change_gathered(slots_ + 1, 0.0);
  for (const Crossing& crossing : costs_.crossings_) {
    const double bytes = BytesOf(crossing.tensor);
    change[crossing.made] += bytes, change[crossing.last] -= bytes;
    if (model_ == nullptr || model_->split_dim(crossing.tensor) >= 0) continue;
    change_gathered[crossing.made] += bytes, change_gathered[crossing.last] -= bytes;
  }
  double live = 0, live_gathered = 0;
  for (size_t slot = 0; slot < slots_; ++slot) {
    boundary_[slot] = std::max(0.0, live += change[slot]);
    gathered_[slot] = std::clamp(live_gathered += change_gathered[slot], 0.0, boundary_[slot]);
  }
}

void StepCosts::Sums::SumMemory() {
  for (const Buffer& buffer : costs_.module_.lowering().buffers()) {
    const TensorId tensor = buffer.label;
    if (costs_.saved_[tensor] <= 0) continue;
    saved_[SlotOf(graph_.tensor(tensor).producer)] += costs_.saved_[tensor] / PartsOfModel(tensor);
  }
  const auto& parameters = graph_.parameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    const double bytes = SizeOf(parameters[p].tensor);
    const Role role = costs_.module_.roles().of[p];
    const StepPhases& phases = *costs_.phases_;
    const int32_t home = phases.home[p] >= 0 ? phases.home[p] : 0;
    if (role == Role::kVariable) {
      variables_[home] += bytes;
      variable_count_[home] += phases.home[p] >= 0;
    } else if (role == Role::kOptimizerState || role == Role::kOtherState) {
      optimizer_[home] += bytes;
    } else if (role == Role::kInput && !phases.read_at[p].empty()) {
      saved_[home] += bytes;
    }
  }
  for (NodeId node = 0; node < graph_.node_count(); ++node) SumOperation(node);
}

// Gradients that micro-batches and replicas sum, and the memory of the operation itself.
void StepCosts::Sums::SumOperation(NodeId node) {
  const int32_t slot = SlotOf(node);
  for (const TensorId result : graph_.results(node)) {
    if (costs_.gradients_[result] <= 0) continue;
    const double bytes = costs_.gradients_[result] / PartsOfModel(result);
    gradients_[slot] += bytes;
    for (size_t type = 0; type < times_.size(); ++type)
      times_[type][slot].backward_fixed += costs_.AccumulationTime(type, {bytes});
  }
  if (!costs_.module_.lowering().HasStep(node) || costs_.is_update_[node]) return;
  double scaled = 0, fixed = 0;
  for (const TensorId result : graph_.results(node)) {
    if (costs_.module_.lowering().buffer_of(result) < 0) continue;
    (costs_.DependsOnBatch(result) ? scaled : fixed) += SizeOf(result);
  }
  workspace_[slot] = std::max(workspace_[slot], scaled);
  fixed_workspace_[slot] = std::max(fixed_workspace_[slot], fixed);
}

// Collectives of the model axis are part of what their operation takes.
void StepCosts::Sums::SumExchanges() {
  const Lowering& lowering = costs_.module_.lowering();
  const auto costs = costs_.ModelAxisCosts(model_->options().axis_size);
  if (!costs.ok()) return;  // the axis was checked to divide the devices
  const Propagation* const axes[] = {model_};
  for (const PlacedCollective& placed : CollectivesOf(lowering, 0, axes)) {
    const LayerExchange exchange = costs_.ExchangeOf(placed, *costs);
    const int32_t slot = SlotOf(placed.node);
    for (auto& times : times_) Add(times[slot], exchange.times);
    exchanges_[slot].push_back(exchange);
    if (GatheredCopy(lowering, placed)) KeepCopy(placed);
  }
}

// A gathered copy that the backward pass reads is saved like any other array.
void StepCosts::Sums::KeepCopy(const PlacedCollective& placed) {
  const auto& is_forward = costs_.phases_->is_forward;
  const int32_t slot = SlotOf(placed.node);
  const double bytes = placed.step.bytes.value;
  const bool waits = is_forward[placed.node] && !is_forward[placed.until];
  if (costs_.DependsOnBatch(placed.tensor) && waits) {
    saved_[slot] += bytes;
  } else if (costs_.DependsOnBatch(placed.tensor)) {
    workspace_[slot] += bytes;
  } else {
    fixed_workspace_[slot] += bytes;
  }
}

}  // namespace automap
