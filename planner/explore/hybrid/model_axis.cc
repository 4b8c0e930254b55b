#include "planner/explore/hybrid/model_axis.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/oracle/best_choice.h"
#include "planner/plan/describe_plan.h"
#include "planner/propagation/linkage_groups.h"

namespace automap {
namespace {

constexpr int64_t kMaxChoiceNodes = 100'000;

// Takes off what is saved, but not below nothing.
void Save(Bytes& bytes, double saved) {
  bytes = {std::max(0.0, bytes.value - std::max(0.0, saved))};
}

// Of a share of the batch.
Seconds TimeIn(const LayerTimes& times, StepPart part, double share) {
  switch (part) {
    case StepPart::kForward:
      return times.forward_fixed + times.forward_scaled * share;
    case StepPart::kBackward:
      return times.backward_fixed + times.backward_scaled * share;
    case StepPart::kUpdate:
      return times.update;
  }
  return {};
}

}  // namespace

absl::StatusOr<ModelAxis> ModelAxis::Create(const StepCosts& costs, int32_t size,
                                            const Semantics& semantics, KnownAxisGroups* known) {
  if (size < 2 || costs.cluster().device_count() % size != 0) {
    return absl::InvalidArgumentError(absl::StrCat("options.axis_size: ", size,
                                                   ", must divide the number of devices, ",
                                                   costs.cluster().device_count()));
  }
  ASSIGN_OR_RETURN(CostModel model, costs.ModelAxisCosts(size));
  KnownAxisGroups own;
  return ModelAxis(costs, size, semantics, std::move(model),
                   (known != nullptr ? *known : own).Of(costs, size, semantics));
}

ModelAxis::ModelAxis(const StepCosts& costs, int32_t size, const Semantics& semantics,
                     CostModel model, std::shared_ptr<const AxisGroups> groups)
    : costs_(costs),
      size_(size),
      model_(std::move(model)),
      given_(semantics),
      semantics_(semantics),
      groups_(std::move(groups)) {
  semantics_.deferred_sums = semantics_.deferred_sums && is_additive();
  FindGains();
}

// What one group saves, by layer.
class ModelAxis::GainTable {
 public:
  GainTable(ModelAxis& axis)
      : axis_(axis),
        costs_(axis.costs_),
        lowering_(axis.costs_.module().lowering()),
        propagation_(axis.costs_.module().wiring(), {axis.size_, axis.semantics_},
                     &axis.costs_.batch_splits()) {
    const auto& parameters = costs_.module().graph().parameters();
    parameter_of_.assign(costs_.module().graph().tensor_count(), -1);
    for (size_t p = 0; p < parameters.size(); ++p)
      parameter_of_[parameters[p].tensor] = static_cast<int32_t>(p);
    gains_.resize(costs_.layer_count());
  }

  GroupGains Of(const LinkageGroup& group) {
    Cuts cuts(costs_.module().wiring());
    for (const Cut& cut : group.cuts) cuts.Add(cut);
    const ParameterDim& member = group.members.front();
    const int32_t mark = propagation_.mark();
    propagation_.SetCuts(&cuts);
    propagation_.Split({costs_.module().graph().parameters()[member.parameter].tensor, member.dim});
    AddTimes(group);
    AddExchanges(group, cuts);
    for (const TensorDim& place : group.tensors) AddMemory(place.tensor, SavedOf(place));
    propagation_.SetCuts(nullptr);
    propagation_.UndoTo(mark);
    return ByLayer();
  }

  // The memory that is saved when every array is split that any group splits.
  GroupGains OfAll(const LinkageGroups& groups) {
    std::vector<double> most(costs_.module().graph().tensor_count(), 0.0);
    for (const LinkageGroup& group : groups.groups) {
      for (const TensorDim& place : group.tensors) {
        double& saved = most[place.tensor];
        saved = std::max(saved, SavedOf(place));
      }
    }
    for (size_t tensor = 0; tensor < most.size(); ++tensor) {
      if (most[tensor] > 0) AddMemory(static_cast<TensorId>(tensor), most[tensor]);
    }
    return ByLayer();
  }

 private:
  LayerGain& At(int32_t layer) {
    LayerGain& gain = gains_[layer];
    if (!gain.times.empty()) return gain;
    gain.layer = layer;
    gain.times.resize(costs_.cluster().types.size());
    return gain;
  }

  void AddTimes(const LinkageGroup& group) {
    for (const FactorId factor : group.factors) {
      const NodeId node = costs_.module().wiring().factor(factor).node;
      if (!lowering_.HasStep(node)) continue;
      LayerGain& gain = At(costs_.LayerOf(node));
      const StepPart part = costs_.PartOf(node);
      NodeGain* const kept =
          axis_.is_additive() ? nullptr : &axis_.node_gains_.emplace_back(NodeGain{node, part, {}});
      for (size_t type = 0; type < gain.times.size(); ++type) {
        const ShareTime whole = costs_.TimeOf(type, node);
        const ShareTime split = costs_.TimeOf(type, node, propagation_, &axis_.times_);
        const ShareTime saved = {whole.fixed - split.fixed, whole.scaled - split.scaled};
        AddTo(gain.times[type], part, saved);
        if (kept != nullptr) kept->saved.push_back(saved);
      }
    }
  }

  void AddExchanges(const LinkageGroup& group, const Cuts& cuts) {
    const Consequences consequences = {group.factors, group.tensors};
    const AxisOfPlan of_plan = {1, axis_.size_, axis_.semantics_, &cuts};
    for (const PlacedCollective& placed : CollectivesOf(lowering_, consequences, of_plan, {})) {
      const LayerExchange exchange = costs_.ExchangeOf(placed, axis_.model_);
      for (LayerTimes& times : At(costs_.LayerOf(placed.node)).times)
        Add(times, exchange.times, -1);
    }
  }

  GroupGains ByLayer() {
    GroupGains by_layer;
    for (LayerGain& gain : gains_) {
      if (!gain.times.empty()) by_layer.push_back(std::exchange(gain, {}));
    }
    return by_layer;
  }

  // Which share of a tensor a split saves.
  double SavedOf(const TensorDim& place) const {
    const int64_t size = costs_.module().graph().tensor(place.tensor).dims[place.dim];
    return 1 - 1 / PartsOf(size / place.outer, axis_.size_);
  }

  void AddMemory(TensorId id, double share) {
    const Tensor& tensor = costs_.module().graph().tensor(id);
    if (tensor.producer >= 0) {
      const double saved = costs_.SavedBytes(id), gradient = costs_.GradientBytes(id);
      if (saved <= 0 && gradient <= 0) return;
      LayerGain& gain = At(costs_.LayerOf(tensor.producer));
      gain.saved += saved * share, gain.gradients += gradient * share;
      for (size_t type = 0; type < gain.times.size(); ++type)
        gain.times[type].backward_fixed += costs_.AccumulationTime(type, {gradient * share});
      return;
    }
    const int32_t parameter = parameter_of_[id];
    if (parameter < 0) return;
    const double bytes = lowering_.SizeOf(id).value * share;
    LayerGain& gain = At(costs_.HomeOf(parameter));
    switch (costs_.module().roles().of[parameter]) {
      case Role::kVariable:
        gain.variables += bytes;
        return;
      case Role::kOptimizerState:
      case Role::kOtherState:
        gain.optimizer += bytes;
        return;
      case Role::kInput:
        gain.saved += bytes;
        return;
      case Role::kConstant:
        return;
    }
  }

  ModelAxis& axis_;
  const StepCosts& costs_;
  const Lowering& lowering_;
  Propagation propagation_;
  std::vector<int32_t> parameter_of_;  // by tensor; -1: none
  GroupGains gains_;                   // by layer; without times: nothing there
};

void ModelAxis::FindGains() {
  GainTable table(*this);
  for (const LinkageGroup& group : groups()) gains_.push_back(table.Of(group));
  memory_ = table.OfAll(groups_->all);
}

double ModelAxis::WorthOf(const GroupGains& gains, const std::vector<LayerPrice>& prices) const {
  double worth = 0;
  for (const LayerGain& gain : gains) {
    const LayerPrice& price = prices[gain.layer];
    const LayerTimes& times = gain.times.front();
    const Seconds each = times.forward_fixed + times.backward_fixed +
                         (times.forward_scaled + times.backward_scaled) * price.share;
    worth += price.micro_batches * each.value + times.update.value +
             gain.gradients * price.seconds_per_gradient_byte +
             price.seconds_per_byte *
                 (2 * gain.variables + gain.optimizer + price.in_flight * gain.saved * price.share);
  }
  return worth;
}

std::vector<bool> ModelAxis::Choose(const std::vector<LayerPrice>& prices) const {
  std::vector<double> worth;
  for (const GroupGains& gains : gains_) worth.push_back(WorthOf(gains, prices));
  return BestChoice(worth, groups_->all.conflicts, kMaxChoiceNodes).chosen;
}

std::vector<int32_t> ModelAxis::Structures() const {
  return StructuresOf(costs_.module().wiring(), groups());
}

std::vector<bool> ModelAxis::With(std::vector<bool> chosen, const std::vector<int32_t>& groups,
                                  bool split) const {
  for (const int32_t group : groups) {
    if (split) {
      for (const int32_t other : groups_->all.conflicts[group]) chosen[other] = false;
    }
    chosen[group] = split;
  }
  return chosen;
}

AxisDecisions ModelAxis::Decide(const std::vector<bool>& chosen) const {
  AxisDecisions axis = {kModelAxis, size_, {}};
  axis.sums_at_once = SumsAtOnce();
  for (size_t g = 0; g < chosen.size(); ++g) {
    if (!chosen[g]) continue;
    const LinkageGroup& group = groups()[g];
    axis.splits.push_back(group.members.front());
    axis.cuts.insert(axis.cuts.end(), group.cuts.begin(), group.cuts.end());
  }
  std::sort(axis.cuts.begin(), axis.cuts.end());
  return axis;
}

absl::StatusOr<LayerChain> ModelAxis::Chain(const std::vector<bool>& chosen) {
  ASSIGN_OR_RETURN(const AppliedAxis splits, costs_.Apply(Decide(chosen), given_));
  return costs_.Chain(splits.propagation.get(), &times_);
}

std::vector<ModelAxis::LayerGains> ModelAxis::GainsByLayer() const {
  std::vector<LayerGains> by_layer(costs_.layer_count());
  for (size_t g = 0; g < gains_.size(); ++g) {
    for (const LayerGain& gain : gains_[g])
      by_layer[gain.layer].groups.push_back({static_cast<int32_t>(g), &gain});
  }
  for (const NodeGain& gain : node_gains_)
    by_layer[costs_.LayerOf(gain.node)].nodes.push_back(gain);
  for (LayerGains& gains : by_layer) {
    std::stable_sort(gains.nodes.begin(), gains.nodes.end(),
                     [](const NodeGain& a, const NodeGain& b) { return a.node < b.node; });
  }
  for (const LayerGain& gain : memory_) by_layer[gain.layer].memory = &gain;
  return by_layer;
}

// The most that compatible groups can save of `part` in a layer. An operation is split by one group
// at most; of what several save together where they are not additive only that is known.
Seconds ModelAxis::MostSaved(const LayerGains& gains, size_t type, StepPart part,
                             double share) const {
  if (is_additive()) return MostSavedTogether(gains.groups, type, part, share);
  Seconds all, most;
  for (size_t i = 0; i < gains.nodes.size(); ++i) {
    const NodeGain& gain = gains.nodes[i];
    if (gain.part != part) continue;
    most = std::max(most, gain.saved[type].fixed + gain.saved[type].scaled * share);
    const bool is_last = i + 1 == gains.nodes.size() || gains.nodes[i + 1].node != gain.node;
    if (is_last) all += most, most = {};
  }
  // Gradients are added up where memory is saved.
  if (gains.memory != nullptr) all += TimeIn(gains.memory->times[type], part, share);
  return all;
}

Seconds ModelAxis::MostSavedTogether(const std::vector<GroupInLayer>& groups, size_t type,
                                     StepPart part, double share) const {
  std::vector<double> worth;
  std::vector<std::vector<int32_t>> conflicts(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    worth.push_back(TimeIn(groups[i].gain->times[type], part, share).value);
    const auto& excluded = groups_->all.conflicts[groups[i].group];
    for (size_t j = 0; j < groups.size(); ++j) {
      if (std::binary_search(excluded.begin(), excluded.end(), groups[j].group))
        conflicts[i].push_back(static_cast<int32_t>(j));
    }
  }
  return {BestChoice(worth, conflicts, kMaxChoiceNodes).upper_bound};
}

// What is left is concave in the share, so that it lies above the line through its ends.
void ModelAxis::RelaxTimes(const LayerGains& gains, size_t type, LayerTimes& times) const {
  const double most = 1.0 / costs_.micro_batches();
  const double least = most * size_ / costs_.cluster().device_count();
  times.update = std::max(Seconds{0}, times.update - MostSaved(gains, type, StepPart::kUpdate, 1));
  const auto relax = [&](StepPart part, Seconds& fixed, Seconds& scaled) {
    const Seconds at_least = fixed + scaled * least - MostSaved(gains, type, part, least);
    const Seconds at_most = fixed + scaled * most - MostSaved(gains, type, part, most);
    scaled =
        least < most ? std::max(Seconds{0}, (at_most - at_least) / (most - least)) : Seconds{0};
    fixed = std::max(Seconds{0}, std::min(at_least - scaled * least, at_most - scaled * most));
  };
  relax(StepPart::kForward, times.forward_fixed, times.forward_scaled);
  relax(StepPart::kBackward, times.backward_fixed, times.backward_scaled);
}

LayerChain ModelAxis::RelaxedChain() const {
  LayerChain chain = costs_.Chain();
  chain.group_size = size_;
  const std::vector<LayerGains> by_layer = GainsByLayer();
  for (size_t l = 0; l < chain.layers.size(); ++l) {
    for (size_t type = 0; type < chain.layers[l].times.size(); ++type)
      RelaxTimes(by_layer[l], type, chain.layers[l].times[type]);
  }
  for (const LayerGain& gain : memory_) {
    Layer& layer = chain.layers[gain.layer];
    Save(layer.variables, gain.variables);
    Save(layer.optimizer_state, gain.optimizer);
    Save(layer.saved, gain.saved);
    Save(layer.gradients, gain.gradients);
  }
  for (Layer& layer : chain.layers) {
    layer.workspace = layer.workspace / size_;
    layer.fixed_workspace = layer.fixed_workspace / size_;
  }
  for (SharedVariable& shared : chain.shared) shared.bytes = shared.bytes / size_;
  return chain;
}

}  // namespace automap
