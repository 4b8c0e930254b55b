#include "planner/explore/pipeline/step_costs.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/slot_sums.h"
#include "planner/explore/pipeline/updates.h"

namespace automap {
namespace {

// The line through a time at two shares.
ShareTime LineThrough(double large, Seconds at_large, double small, Seconds at_small) {
  ShareTime line;
  line.scaled = std::max(Seconds{0}, (at_large - at_small) / (large - small));
  line.fixed = std::max(Seconds{0}, at_large - line.scaled * large);
  return line;
}

absl::StatusOr<CostModel> CostsOfType(const Cluster& cluster, int32_t type) {
  for (const Server& server : cluster.servers) {
    if (server.type == type && server.device_count > 0)
      return CostModel::Create(cluster, Mesh{{}, server.first_device});
  }
  return CostModel::Create(cluster, Mesh{{}, 0});  // no server has the type: never asked for
}

}  // namespace

void AddTo(LayerTimes& times, StepPart part, const ShareTime& time) {
  switch (part) {
    case StepPart::kUpdate:
      times.update += time.fixed;
      return;
    case StepPart::kForward:
      times.forward_fixed += time.fixed, times.forward_scaled += time.scaled;
      return;
    case StepPart::kBackward:
      times.backward_fixed += time.fixed, times.backward_scaled += time.scaled;
      return;
  }
}

void Add(LayerTimes& to, const LayerTimes& from, double sign) {
  to.update += from.update * sign;
  to.forward_fixed += from.forward_fixed * sign;
  to.forward_scaled += from.forward_scaled * sign;
  to.backward_fixed += from.backward_fixed * sign;
  to.backward_scaled += from.backward_scaled * sign;
}

absl::StatusOr<std::unique_ptr<const StepCosts>> StepCosts::Create(const PreparedModule& module,
                                                                   const Cluster& cluster,
                                                                   int32_t micro_batches,
                                                                   int32_t max_layers) {
  StepFacts facts(module);
  return Create(facts, cluster, micro_batches, max_layers);
}

absl::StatusOr<std::unique_ptr<const StepCosts>> StepCosts::Create(StepFacts& facts,
                                                                   const Cluster& cluster,
                                                                   int32_t micro_batches,
                                                                   int32_t max_layers) {
  ASSIGN_OR_RETURN(std::shared_ptr<const StepPhases> phases, facts.Phases());
  std::shared_ptr<const Batch> batch = facts.BatchIn(std::max(2, micro_batches));
  if (batch->propagation == nullptr && micro_batches > 1) {
    const Batch& any = *facts.BatchIn(2);
    return absl::InvalidArgumentError(
        any.propagation == nullptr
            ? absl::StrCat("options.micro_batches: ", micro_batches,
                           ", must be 1: no dimension of the inputs can be split")
            : absl::StrCat("options.micro_batches: ", micro_batches, ", must divide the batch, ",
                           any.size));
  }
  std::vector<CostModel> devices;
  for (size_t type = 0; type < cluster.types.size(); ++type) {
    ASSIGN_OR_RETURN(CostModel model, CostsOfType(cluster, static_cast<int32_t>(type)));
    devices.push_back(std::move(model));
  }
  std::unique_ptr<StepCosts> costs(new StepCosts(facts.module(), cluster, std::move(phases),
                                                 std::move(batch), micro_batches,
                                                 std::move(devices)));
  costs->ChooseCuts(max_layers);
  return costs;
}

StepCosts::StepCosts(const PreparedModule& module, const Cluster& cluster,
                     std::shared_ptr<const StepPhases> phases, std::shared_ptr<const Batch> batch,
                     int32_t micro_batches, std::vector<CostModel> devices)
    : module_(module),
      graph_(module.graph()),
      cluster_(cluster),
      phases_(std::move(phases)),
      batch_(std::move(batch)),
      micro_batches_(micro_batches),
      is_update_(FindUpdates(module, *phases_, *batch_)),
      devices_(std::move(devices)) {
  if (HasBatch()) batch_splits_ = WithSplits({}, *batch_->propagation);
  // A micro-batch on one device, and on as many as may share it.
  const int64_t most = std::max<int64_t>(
      2, std::min<int64_t>(cluster_.device_count(), batch_->size / std::max(1, micro_batches_)));
  large_ = 1.0 / micro_batches_;
  small_ = large_ / most;
  MeasureTimes();
  FindSaved();
  FindGradients();
  FindCrossings();
  FindLoops();
}

ShareTime StepCosts::Measure(size_t type, NodeId node,
                             absl::Span<const Propagation* const> axes) const {
  const Lowering& lowering = module_.lowering();
  const CostModel& model = devices_[type];
  const FactorId factor = HasBatch() ? batch_->propagation->selected(node) : -1;
  if (factor < 0) return {model.StepTime(lowering.StepOf(node, axes)), Seconds{0}};
  const double most = micro_batches_ * std::max(2.0, std::round(large_ / small_));
  return LineThrough(large_, model.StepTime(lowering.StepOf(node, axes, factor, micro_batches_)),
                     small_, model.StepTime(lowering.StepOf(node, axes, factor, most)));
}

void StepCosts::MeasureTimes() {
  for (size_t type = 0; type < devices_.size(); ++type) {
    auto& times = whole_.emplace_back(graph_.node_count());
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (module_.lowering().HasStep(node)) times[node] = Measure(type, node, {});
    }
  }
}

ShareTime StepCosts::TimeOf(size_t type, NodeId node, const Propagation& model,
                            SplitTimes* known) const {
  const FactorId factor = model.selected(node);
  if (factor < 0) return whole_[type][node];
  const Propagation* const axes[] = {&model};
  if (known == nullptr) return Measure(type, node, axes);
  if (known->empty()) {
    known->assign(devices_.size(),
                  std::vector<std::optional<ShareTime>>(module_.wiring().factor_count()));
  }
  std::optional<ShareTime>& time = (*known)[type][factor];
  if (!time) time = Measure(type, node, axes);
  return *time;
}

Seconds StepCosts::AccumulationTime(size_t type, Bytes gradients) const {
  if (micro_batches_ == 1) return {0};
  ComputeStep sum;
  sum.bytes = gradients * 3;
  sum.launches = 0;  // one for all, if not part of the kernel that makes the gradient
  return devices_[type].StepTime(sum);
}

absl::StatusOr<CostModel> StepCosts::ModelAxisCosts(int64_t size) const {
  const int32_t group = static_cast<int32_t>(size);
  return CostModel::Create(cluster_,
                           Mesh{{{"data", cluster_.device_count() / group}, {"model", group}}, 0});
}

LayerExchange StepCosts::ExchangeOf(const PlacedCollective& collective,
                                    const CostModel& model) const {
  const auto time_of = [&](double share) {
    CollectiveStep step = collective.step;
    step.axis = 1;
    step.bytes = step.bytes * share;
    return model.StepTime(step);
  };
  const Bytes bytes = collective.step.bytes * static_cast<double>(collective.step.repeats);
  LayerExchange exchange;
  exchange.kind = collective.step.kind;
  const StepPart part = PartOf(collective.node);
  if (part == StepPart::kUpdate) {
    exchange.update_count = collective.step.repeats;
    exchange.update = bytes;
    exchange.times.update = time_of(1);
    return exchange;
  }
  exchange.count = collective.step.repeats;
  if (!DependsOnBatch(collective.tensor)) {
    exchange.fixed = bytes;
    AddTo(exchange.times, part, {time_of(1), Seconds{0}});
    return exchange;
  }
  exchange.scaled = bytes;
  AddTo(exchange.times, part, LineThrough(large_, time_of(large_), small_, time_of(small_)));
  return exchange;
}

// Arrays that wait from the forward pass for the backward pass: read there, or through arrays that
// are worked out again.
void StepCosts::FindSaved() {
  saved_.assign(graph_.tensor_count(), 0.0);
  const auto& order = module_.lowering().order();
  for (const Buffer& buffer : module_.lowering().buffers()) {
    const TensorId tensor = buffer.label;
    const NodeId producer = graph_.tensor(tensor).producer;
    if (producer < 0 || !phases_->is_forward[producer]) continue;
    const auto readers = graph_.readers(tensor);
    const bool is_read_backward = std::any_of(readers.begin(), readers.end(), [&](NodeId reader) {
      return !phases_->is_forward[reader];
    });
    if (is_read_backward || !phases_->is_forward[order[buffer.last_step]])
      saved_[tensor] = buffer.bytes.value;
  }
}

void StepCosts::FindGradients() {
  gradients_.assign(graph_.tensor_count(), 0.0);
  for (NodeId node = 0; node < graph_.node_count(); ++node) {
    const FactorId factor = HasBatch() ? batch_->propagation->selected(node) : -1;
    if (factor < 0 || phases_->is_forward[node]) continue;
    for (const TensorId sum : module_.wiring().partial_results(factor))
      gradients_[sum] = module_.lowering().SizeOf(sum).value * graph_.node(node).trips;
  }
}

// Reshapes and broadcasts are other views of the array that they read.
void StepCosts::FindCrossings() {
  std::vector<TensorId> root(graph_.tensor_count());
  for (TensorId tensor = 0; tensor < graph_.tensor_count(); ++tensor) root[tensor] = tensor;
  std::vector<int32_t> made(graph_.tensor_count(), -1), last(graph_.tensor_count(), -1);
  for (const NodeId node : phases_->slots) {
    const Opcode opcode = graph_.node(node).opcode;
    const bool is_view =
        opcode == Opcode::kReshape || opcode == Opcode::kBitcast || opcode == Opcode::kBroadcast;
    for (const TensorId result : graph_.results(node)) {
      if (is_view) root[result] = root[graph_.operands(node)[0]];
      if (root[result] == result && made[result] < 0) made[result] = phases_->slot_of[node];
    }
    for (const TensorId operand : graph_.operands(node))
      last[root[operand]] = std::max(last[root[operand]], phases_->slot_of[node]);
  }
  for (TensorId tensor = 0; tensor < graph_.tensor_count(); ++tensor) {
    if (made[tensor] >= 0 && last[tensor] > made[tensor])
      crossings_.push_back({tensor, made[tensor], last[tensor]});
  }
}

void StepCosts::FindLoops() {
  for (const NodeId node : phases_->slots) {
    const auto* around = graph_.OutermostCaller(node, {"while", "conditional"});
    const bool is_loop = graph_.node(node).opcode == Opcode::kWhile;
    loops_.push_back(around == nullptr && is_loop ? graph_.node(node).instruction : around);
  }
}

void StepCosts::ChooseCuts(int32_t max_layers) {
  const Sums sums(*this, nullptr, nullptr);
  const int32_t count = static_cast<int32_t>(phases_->slots.size());
  std::vector<double> until(count);
  double total = 0;
  for (int32_t slot = 0; slot < count; ++slot) {
    const LayerTimes& times = sums.times(0)[slot];
    total += (times.forward_scaled + times.backward_scaled).value +
             micro_batches_ * (times.forward_fixed + times.backward_fixed).value + 1e-12;
    until[slot] = total;
  }
  int32_t best = -1, bucket = 0;
  for (int32_t slot = 0; slot < count; ++slot) {
    const int32_t now = std::min<int32_t>(max_layers - 1, until[slot] / total * max_layers);
    if (now != bucket && best >= 0) cuts_.push_back(best), best = -1;
    bucket = now;
    if (MayCutAfter(slot) && (best < 0 || sums.boundary(slot) < sums.boundary(best))) best = slot;
  }
  if (best >= 0) cuts_.push_back(best);
  if (static_cast<int32_t>(cuts_.size()) >= max_layers) cuts_.resize(max_layers - 1);
  cuts_.push_back(count - 1);
  for (int32_t slot = 0; slot < count; ++slot) {
    layer_of_slot_.push_back(
        static_cast<int32_t>(std::lower_bound(cuts_.begin(), cuts_.end(), slot) - cuts_.begin()));
  }
  FormLayers(sums);
}

void StepCosts::FormLayers(const Sums& sums) {
  int32_t begin = 0;
  for (const int32_t last : cuts_) {
    Layer layer = sums.LayerOf(begin, last);
    layer.cut_after = graph_.Path(phases_->slots[last]);
    for (int32_t slot = last; slot >= begin && layer.name.empty(); --slot)
      layer.name = LayerName(graph_.EffectiveName(phases_->slots[slot]));
    if (layer.name.empty() && begin > 0) layer.name = whole_layers_.back().name;
    whole_layers_.push_back(std::move(layer));
    begin = last + 1;
  }
}

LayerChain StepCosts::Chain(const Propagation* model, SplitTimes* known) const {
  LayerChain chain;
  chain.batch = batch_size();
  chain.layers = whole_layers_;
  if (model != nullptr) SplitLayers(*model, known, chain);
  AddShared(model, chain);
  chain.remarks.push_back(absl::StrCat("forward pass: ", phases_->loss));
  if (!HasBatch()) {
    chain.remarks.push_back(
        "no dimension of the inputs can be split: one micro-batch, and replicas gain nothing");
  }
  if (const int32_t sums = BatchStatistics(); sums > 0) {
    chain.remarks.push_back(absl::StrCat(
        sums, " sums over the batch in the forward pass (batch statistics) are of each ",
        "replica's part of a micro-batch, and so other numbers than the undivided step's"));
  }
  return chain;
}

// A sum that is no scalar, as a loss is.
int32_t StepCosts::BatchStatistics() const {
  int32_t count = 0;
  for (NodeId node = 0; node < graph_.node_count() && HasBatch(); ++node) {
    const FactorId factor = batch_->propagation->selected(node);
    if (factor < 0 || !phases_->is_forward[node]) continue;
    for (const TensorId sum : module_.wiring().partial_results(factor))
      count += graph_.tensor(sum).rank > 0;
  }
  return count;
}

void StepCosts::SplitLayers(const Propagation& model, SplitTimes* known, LayerChain& chain) const {
  const Sums sums(*this, &model, known);
  chain.group_size = static_cast<int32_t>(model.options().axis_size);
  int32_t begin = 0;
  for (size_t i = 0; i < cuts_.size(); ++i) {
    Layer& layer = chain.layers[i];
    const Layer whole = std::move(layer);
    layer = sums.LayerOf(begin, cuts_[i]);
    layer.cut_after = whole.cut_after, layer.name = whole.name, layer.whole_times = whole.times;
    begin = cuts_[i] + 1;
  }
}

void StepCosts::AddShared(const Propagation* model, LayerChain& chain) const {
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    if (module_.roles().of[p] != Role::kVariable || phases_->read_at[p].empty()) continue;
    const TensorId tensor = graph_.parameters()[p].tensor;
    const double parts = model == nullptr ? 1 : automap::PartsOf(tensor, {&model, 1});
    SharedVariable shared = {module_.roles().names[p],
                             module_.lowering().SizeOf(tensor) / parts,
                             layer_of_slot_[phases_->home[p]],
                             {}};
    for (const int32_t slot : phases_->read_at[p]) {
      const int32_t layer = layer_of_slot_[slot];
      if (shared.read_by.empty() || shared.read_by.back() != layer) shared.read_by.push_back(layer);
    }
    if (shared.read_by.size() > 1 || shared.read_by.front() != shared.home)
      chain.shared.push_back(std::move(shared));
  }
}

}  // namespace automap
