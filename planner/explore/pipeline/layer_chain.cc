#include "planner/explore/pipeline/layer_chain.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/phases.h"
#include "planner/explore/pipeline/updates.h"
#include "simulator/evaluate.h"

namespace automap {
namespace {

using Axes = std::vector<const Propagation*>;

// Everything by slot, before layers are formed.
struct SlotSums {
  explicit SlotSums(size_t slots, size_t types)
      : times(types, std::vector<LayerTimes>(slots)),
        boundary(slots, 0.0),
        saved(slots, 0.0),
        variables(slots, 0.0),
        optimizer(slots, 0.0),
        gradients(slots, 0.0),
        workspace(slots, 0.0),
        fixed_workspace(slots, 0.0),
        variable_count(slots, 0) {}
  std::vector<std::vector<LayerTimes>> times;
  std::vector<double> boundary, saved, variables, optimizer, gradients, workspace, fixed_workspace;
  std::vector<int32_t> variable_count;
};

class ChainBuilder {
 public:
  ChainBuilder(const PreparedModule& module, const Cluster& cluster, const StepPhases& phases,
               const Batch& batch, int32_t micro_batches)
      : module_(module),
        graph_(module.graph()),
        cluster_(cluster),
        phases_(phases),
        propagation_(batch.propagation.get()),
        micro_batches_(micro_batches),
        batch_(batch.size),
        is_update_(FindUpdates(module, phases, batch)),
        sums_(phases.slots.size(), cluster.types.size()) {}

  absl::StatusOr<LayerChain> Build(int32_t max_layers) {
    RETURN_IF_ERROR(MeasureTimes());
    MeasureBoundaries();
    MeasureMemory();
    FindLoops();
    const std::vector<int32_t> cuts = ChooseCuts(max_layers);
    LayerChain chain;
    chain.batch = propagation_ == nullptr ? 1 : batch_;
    int32_t begin = 0;
    for (const int32_t last : cuts) {
      chain.layers.push_back(MakeLayer(begin, last));
      if (chain.layers.back().name.empty() && begin > 0)
        chain.layers.back().name = chain.layers.end()[-2].name;
      begin = last + 1;
    }
    AddShared(cuts, chain);
    chain.remarks.push_back(absl::StrCat("forward pass: ", phases_.loss));
    if (propagation_ == nullptr) {
      chain.remarks.push_back(
          "no dimension of the inputs can be split: one micro-batch, and replicas gain nothing");
    }
    return chain;
  }

 private:
  FactorId Selected(NodeId node) const {
    return propagation_ == nullptr ? -1 : propagation_->selected(node);
  }
  bool DependsOnBatch(TensorId tensor) const {
    return propagation_ != nullptr && propagation_->split_dim(tensor) >= 0;
  }
  int32_t SlotOf(NodeId node) const { return phases_.slot_of[node]; }

  // Two points fix the line: a micro-batch on one device, and on as many as may share it.
  absl::Status MeasureTimes() {
    const int64_t most = std::max<int64_t>(
        2, std::min<int64_t>(cluster_.device_count(), batch_ / std::max(1, micro_batches_)));
    const double large = 1.0 / micro_batches_, small = large / most;
    for (size_t type = 0; type < cluster_.types.size(); ++type) {
      ASSIGN_OR_RETURN(const CostModel model, ModelOfType(type));
      for (NodeId node = 0; node < graph_.node_count(); ++node) {
        if (!module_.lowering().HasStep(node)) continue;
        LayerTimes& times = sums_.times[type][SlotOf(node)];
        const FactorId factor = Selected(node);
        Seconds fixed = model.StepTime(module_.lowering().StepOf(node, {})), scaled;
        if (factor >= 0) {
          const Seconds at_large =
              model.StepTime(module_.lowering().StepOf(node, {}, factor, micro_batches_));
          const Seconds at_small =
              model.StepTime(module_.lowering().StepOf(node, {}, factor, micro_batches_ * most));
          scaled = std::max(Seconds{0}, (at_large - at_small) / (large - small));
          fixed = std::max(Seconds{0}, at_large - scaled * large);
        }
        if (is_update_[node]) {
          times.update += fixed;
        } else if (phases_.is_forward[node]) {
          times.forward_fixed += fixed, times.forward_scaled += scaled;
        } else {
          times.backward_fixed += fixed, times.backward_scaled += scaled;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<CostModel> ModelOfType(int32_t type) const {
    for (const Server& server : cluster_.servers) {
      if (server.type == type && server.device_count > 0)
        return CostModel::Create(cluster_, Mesh{{}, server.first_device});
    }
    return CostModel::Create(cluster_, Mesh{{}, 0});  // no server has the type: never asked for
  }

  // Reshapes and broadcasts are other views of the array that they read.
  void MeasureBoundaries() {
    std::vector<TensorId> root(graph_.tensor_count());
    for (TensorId tensor = 0; tensor < graph_.tensor_count(); ++tensor) root[tensor] = tensor;
    std::vector<int32_t> made(graph_.tensor_count(), -1), last(graph_.tensor_count(), -1);
    for (const NodeId node : phases_.slots) {
      const Opcode opcode = graph_.node(node).opcode;
      const bool is_view =
          opcode == Opcode::kReshape || opcode == Opcode::kBitcast || opcode == Opcode::kBroadcast;
      for (const TensorId result : graph_.results(node)) {
        if (is_view) root[result] = root[graph_.operands(node)[0]];
        if (root[result] == result && made[result] < 0) made[result] = SlotOf(node);
      }
      for (const TensorId operand : graph_.operands(node))
        last[root[operand]] = std::max(last[root[operand]], SlotOf(node));
    }
    std::vector<double> change(phases_.slots.size() + 1, 0.0);
    for (TensorId tensor = 0; tensor < graph_.tensor_count(); ++tensor) {
      if (made[tensor] < 0 || last[tensor] <= made[tensor]) continue;
      const double bytes = module_.lowering().SizeOf(tensor).value;
      change[made[tensor]] += bytes;
      change[last[tensor]] -= bytes;
    }
    double live = 0;
    for (size_t slot = 0; slot < phases_.slots.size(); ++slot)
      sums_.boundary[slot] = std::max(0.0, live += change[slot]);
  }

  void MeasureMemory() {
    const auto& buffers = module_.lowering().buffers();
    for (const Buffer& buffer : buffers) {
      const TensorId tensor = buffer.label;
      const NodeId producer = graph_.tensor(tensor).producer;
      if (producer < 0 || !phases_.is_forward[producer]) continue;
      // Itself, or through arrays that are worked out again.
      if (IsReadBackward(tensor) || IsUsedLater(buffer))
        sums_.saved[SlotOf(producer)] += buffer.bytes.value;
    }
    const auto& parameters = graph_.parameters();
    for (size_t p = 0; p < parameters.size(); ++p) {
      const double bytes = module_.lowering().SizeOf(parameters[p].tensor).value;
      const Role role = module_.roles().of[p];
      const int32_t home = phases_.home[p] >= 0 ? phases_.home[p] : 0;
      if (role == Role::kVariable) {
        sums_.variables[home] += bytes;
        sums_.variable_count[home] += phases_.home[p] >= 0;
      } else if (role == Role::kOptimizerState || role == Role::kOtherState) {
        sums_.optimizer[home] += bytes;
      } else if (role == Role::kInput && !phases_.read_at[p].empty()) {
        sums_.saved[home] += bytes;
      }
    }
    for (NodeId node = 0; node < graph_.node_count(); ++node) MeasureOperation(node);
  }

  bool IsUsedLater(const Buffer& buffer) const {
    return !phases_.is_forward[module_.lowering().order()[buffer.last_step]];
  }

  bool IsReadBackward(TensorId tensor) const {
    const auto readers = graph_.readers(tensor);
    return std::any_of(readers.begin(), readers.end(),
                       [&](NodeId reader) { return !phases_.is_forward[reader]; });
  }

  // Gradients that replicas sum, and the memory of the operation itself.
  void MeasureOperation(NodeId node) {
    const FactorId factor = Selected(node);
    const int32_t slot = SlotOf(node);
    if (factor >= 0 && !phases_.is_forward[node]) {
      for (const TensorId sum : module_.wiring().partial_results(factor)) {
        sums_.gradients[slot] += module_.lowering().SizeOf(sum).value * graph_.node(node).trips;
      }
    }
    if (!module_.lowering().HasStep(node) || is_update_[node]) return;
    double scaled = 0, fixed = 0;
    for (const TensorId result : graph_.results(node)) {
      if (module_.lowering().buffer_of(result) < 0) continue;
      (DependsOnBatch(result) ? scaled : fixed) += module_.lowering().SizeOf(result).value;
    }
    sums_.workspace[slot] = std::max(sums_.workspace[slot], scaled);
    sums_.fixed_workspace[slot] = std::max(sums_.fixed_workspace[slot], fixed);
  }

  // The outermost loop around each slot's operation, by its instruction; null: none.
  void FindLoops() {
    for (const NodeId node : phases_.slots) {
      const xla::HloInstructionProto* loop =
          graph_.node(node).opcode == Opcode::kWhile ? graph_.node(node).instruction : nullptr;
      for (CallSiteId site = graph_.node(node).call_site; site > 0;
           site = graph_.call_site(site).parent) {
        const auto* caller = graph_.call_site(site).caller;
        if (caller->opcode() == "while" || caller->opcode() == "conditional") loop = caller;
      }
      loops_.push_back(loop);
    }
  }

  bool MayCutAfter(size_t slot) const {
    return slot + 1 < loops_.size() &&
           (loops_[slot] == nullptr || loops_[slot] != loops_[slot + 1]);
  }

  // Last slots of the layers, ascending.
  std::vector<int32_t> ChooseCuts(int32_t max_layers) const {
    const int32_t count = static_cast<int32_t>(phases_.slots.size());
    std::vector<double> until(count);
    double total = 0;
    for (int32_t slot = 0; slot < count; ++slot) {
      const LayerTimes& times = sums_.times[0][slot];
      total += (times.forward_scaled + times.backward_scaled).value +
               micro_batches_ * (times.forward_fixed + times.backward_fixed).value + 1e-12;
      until[slot] = total;
    }
    std::vector<int32_t> cuts;
    int32_t best = -1, bucket = 0;
    for (int32_t slot = 0; slot < count; ++slot) {
      const int32_t now = std::min<int32_t>(max_layers - 1, until[slot] / total * max_layers);
      if (now != bucket && best >= 0) cuts.push_back(best), best = -1;
      bucket = now;
      if (MayCutAfter(slot) && (best < 0 || sums_.boundary[slot] < sums_.boundary[best]))
        best = slot;
    }
    if (best >= 0) cuts.push_back(best);
    if (static_cast<int32_t>(cuts.size()) >= max_layers) cuts.resize(max_layers - 1);
    cuts.push_back(count - 1);
    return cuts;
  }

  Layer MakeLayer(int32_t begin, int32_t last) const {
    Layer layer;
    layer.cut_after = graph_.Path(phases_.slots[last]);
    for (int32_t slot = last; slot >= begin && layer.name.empty(); --slot)
      layer.name = LayerName(graph_.EffectiveName(phases_.slots[slot]));
    layer.times.resize(sums_.times.size());
    layer.boundary = {sums_.boundary[last]};
    layer.forward_operations = last - begin + 1;
    for (int32_t slot = begin; slot <= last; ++slot) {
      for (size_t type = 0; type < layer.times.size(); ++type) {
        const LayerTimes& from = sums_.times[type][slot];
        layer.times[type].forward_fixed += from.forward_fixed;
        layer.times[type].forward_scaled += from.forward_scaled;
        layer.times[type].backward_fixed += from.backward_fixed;
        layer.times[type].backward_scaled += from.backward_scaled;
        layer.times[type].update += from.update;
      }
      layer.saved += Bytes{sums_.saved[slot]};
      layer.variables += Bytes{sums_.variables[slot]};
      layer.optimizer_state += Bytes{sums_.optimizer[slot]};
      layer.gradients += Bytes{sums_.gradients[slot]};
      layer.workspace = std::max(layer.workspace, Bytes{sums_.workspace[slot]});
      layer.fixed_workspace = std::max(layer.fixed_workspace, Bytes{sums_.fixed_workspace[slot]});
      layer.variable_count += sums_.variable_count[slot];
    }
    return layer;
  }

  void AddShared(const std::vector<int32_t>& cuts, LayerChain& chain) const {
    const auto layer_of = [&](int32_t slot) {
      return static_cast<int32_t>(std::lower_bound(cuts.begin(), cuts.end(), slot) - cuts.begin());
    };
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      if (module_.roles().of[p] != Role::kVariable || phases_.read_at[p].empty()) continue;
      SharedVariable shared = {module_.roles().names[p],
                               module_.lowering().SizeOf(graph_.parameters()[p].tensor),
                               layer_of(phases_.home[p]),
                               {}};
      for (const int32_t slot : phases_.read_at[p]) {
        const int32_t layer = layer_of(slot);
        if (shared.read_by.empty() || shared.read_by.back() != layer)
          shared.read_by.push_back(layer);
      }
      if (shared.read_by.size() > 1 || shared.read_by.front() != shared.home)
        chain.shared.push_back(std::move(shared));
    }
  }

  const PreparedModule& module_;
  const Graph& graph_;
  const Cluster& cluster_;
  const StepPhases& phases_;
  const Propagation* propagation_;
  const int32_t micro_batches_;
  const int64_t batch_;
  const std::vector<bool> is_update_;
  SlotSums sums_;
  std::vector<const xla::HloInstructionProto*> loops_;
};

}  // namespace

bool LayerChain::HasVariables() const {
  return std::any_of(layers.begin(), layers.end(),
                     [](const Layer& layer) { return layer.variable_count > 0; });
}

std::string LayerName(const std::string& operation_name) {
  std::vector<std::string> kept;
  std::string wrapped;  // the differentiated function, often the model's class
  const std::vector<std::string> parts = absl::StrSplit(operation_name, '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    absl::string_view part = parts[i];
    if (absl::StartsWith(part, "jit(") || absl::StartsWith(part, "pjit")) continue;
    bool is_wrapped = false;
    for (const absl::string_view wrapper : {"transpose(", "jvp(", "vmap("}) {
      while (absl::ConsumePrefix(&part, wrapper)) {
        absl::ConsumeSuffix(&part, ")");
        is_wrapped = true;
      }
    }
    if (is_wrapped) {
      wrapped = std::string(part);
      continue;
    }
    kept.emplace_back(part);
    if (!part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit)) break;
  }
  return kept.empty() ? wrapped : absl::StrJoin(kept, "/");
}

absl::StatusOr<LayerChain> ChainOfModule(const PreparedModule& module, const Cluster& cluster,
                                         int32_t micro_batches, int32_t max_layers) {
  ASSIGN_OR_RETURN(const StepPhases phases, FindPhases(module.graph(), module.roles()));
  Batch batch = FindBatch(module, std::max(2, micro_batches));
  if (batch.propagation == nullptr && micro_batches > 1) {
    const Batch any = FindBatch(module, 2);
    return absl::InvalidArgumentError(
        any.propagation == nullptr
            ? absl::StrCat("options.micro_batches: ", micro_batches,
                           ", must be 1: no dimension of the inputs can be split")
            : absl::StrCat("options.micro_batches: ", micro_batches, ", must divide the batch, ",
                           any.size));
  }
  return ChainBuilder(module, cluster, phases, batch, micro_batches).Build(max_layers);
}

}  // namespace automap
