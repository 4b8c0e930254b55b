#include "planner/plan/communication.h"

#include <algorithm>
#include <map>
#include <set>

#include "planner/rules/reducer.h"

namespace automap {
namespace {

// Whether the partial results of a summed factor combine by addition, so that they may be added to
// others first.
bool CombinesByAddition(const Graph& graph, NodeId node) {
  switch (graph.node(node).opcode) {
    case Opcode::kDot:
    case Opcode::kConvolution:
      return true;
    case Opcode::kReduce:
    case Opcode::kScatter:
      return ReducerOf(graph, *graph.node(node).instruction) == Reducer::kAdd;
    default:
      return false;
  }
}

bool PassesOneSum(Opcode opcode) {
  return opcode == Opcode::kReshape || opcode == Opcode::kTranspose || opcode == Opcode::kCopy ||
         opcode == Opcode::kNegate;
}

bool JoinsTwoSums(Opcode opcode) { return opcode == Opcode::kAdd || opcode == Opcode::kSubtract; }

class CollectiveFinder {
 public:
  CollectiveFinder(const Lowering& lowering, const Consequences& consequences,
                   const AxisOfPlan& axis, absl::Span<const Propagation* const> others)
      : lowering_(lowering),
        wiring_(lowering.wiring()),
        graph_(wiring_.graph()),
        consequences_(consequences),
        axis_(axis),
        others_(others) {
    for (const FactorId factor : consequences.factors) {
      selected_.emplace_back(wiring_.factor(factor).node, factor);
    }
    std::sort(selected_.begin(), selected_.end());
  }

  std::vector<PlacedCollective> Find() {
    for (const auto& [node, factor] : selected_) {
      for (const TensorId result : wiring_.partial_results(factor)) {
        sums_[result] = {node, factor, CombinesByAddition(graph_, node)};
      }
    }
    if (axis_.semantics.deferred_sums) Defer();
    for (const auto& [tensor, sum] : sums_) {
      Place(IsScattered(tensor) ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce,
            tensor, sum.node, false, sum.factor);
    }
    if (axis_.semantics.padding) PlaceMovedBlocks();
    if (axis_.cuts != nullptr && !axis_.cuts->empty()) PlaceReshards();
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.node < b.node; });
    return std::move(found_);
  }

 private:
  // A partial array that waits to be combined, made by `node`.
  struct Sum {
    NodeId node = -1;
    FactorId factor = -1;
    bool is_addition = false;
  };

  FactorId SelectedAt(NodeId node) const {
    const auto found =
        std::lower_bound(selected_.begin(), selected_.end(), std::make_pair(node, FactorId{-1}));
    return found != selected_.end() && found->first == node ? found->second : -1;
  }

  // The only reader, if the sum may wait for what that makes of it; else -1.
  NodeId WaitsFor(TensorId tensor, const Sum& sum) const {
    const auto uses = wiring_.uses(tensor);
    if (!sum.is_addition || wiring_.is_border(tensor) || uses.size() != 1) return -1;
    const Node& reader = graph_.node(uses[0].node);
    const bool passes = PassesOneSum(reader.opcode) || JoinsTwoSums(reader.opcode);
    return passes && reader.trips == graph_.node(sum.node).trips ? uses[0].node : -1;
  }

  // Moves sums to their readers, in node order: when a reader's turn comes, what its operands are
  // is settled.
  void Defer() {
    std::set<NodeId> readers;
    const auto enqueue = [&](TensorId tensor) {
      const NodeId reader = WaitsFor(tensor, sums_.at(tensor));
      if (reader >= 0) readers.insert(reader);
    };
    for (const auto& entry : sums_) enqueue(entry.first);
    while (!readers.empty()) {
      const NodeId reader = *readers.begin();
      readers.erase(readers.begin());
      const auto operands = graph_.operands(reader);
      const bool all_wait = std::all_of(operands.begin(), operands.end(), [&](TensorId operand) {
        const auto sum = sums_.find(operand);
        return sum != sums_.end() && WaitsFor(operand, sum->second) == reader;
      });
      if (!all_wait) continue;
      const FactorId factor = sums_.at(operands[0]).factor;
      for (const TensorId operand : operands) sums_.erase(operand);
      const TensorId result = graph_.results(reader)[0];
      sums_[result] = {reader, factor, true};
      enqueue(result);
    }
  }

  // Whether all readers take the same slice of a combined sum.
  bool IsScattered(TensorId tensor) const {
    const auto uses = wiring_.uses(tensor);
    if (!axis_.semantics.deferred_sums || uses.empty() || wiring_.is_border(tensor)) return false;
    const int rank = graph_.tensor(tensor).rank;
    for (int32_t dim = 0; dim < rank; ++dim) {
      const bool all_slice = std::all_of(uses.begin(), uses.end(), [&](const Wiring::Use& use) {
        const FactorId factor = SelectedAt(use.node);
        return factor >= 0 && wiring_.factor_of(use, dim) == factor;
      });
      if (all_slice) return true;
    }
    return false;
  }

  // Reshapes between a dim that is cut evenly and one that is padded.
  void PlaceMovedBlocks() {
    for (const auto& [node, factor] : selected_) {
      const Wiring::FactorInfo& info = wiring_.factor(factor);
      if (info.is_even || info.is_composite || info.size % axis_.size == 0) continue;
      Place(CollectiveKind::kPermute, graph_.results(node)[0], node, false, factor);
    }
  }

  // An array that several cut readers want the same way is moved once, for the first of them.
  void PlaceReshards() {
    std::map<TensorId, int32_t> split_dim;
    for (const TensorDim& place : consequences_.tensors) split_dim[place.tensor] = place.dim;
    std::map<std::pair<TensorId, int32_t>, size_t> moved;  // tensor and wanted dim: place in found_
    for (const Cut& cut : axis_.cuts->list()) {
      const TensorId tensor = cut.node < 0 ? cut.operand : graph_.operands(cut.node)[cut.operand];
      const auto split = split_dim.find(tensor);
      if (split == split_dim.end()) continue;
      const int32_t wanted = WantedDim(cut, tensor);
      const auto [copy, is_first] = moved.try_emplace({tensor, wanted}, found_.size());
      if (!is_first) {
        PlacedCollective& first = found_[copy->second];
        if (cut.node < 0 || !first.is_before) continue;
        if (lowering_.place_of(cut.node) > lowering_.place_of(first.until)) first.until = cut.node;
        if (lowering_.place_of(cut.node) < lowering_.place_of(first.node)) first.node = cut.node;
        continue;
      }
      const NodeId last = graph_.node_count() - 1;
      Place(wanted >= 0 ? CollectiveKind::kAllToAll : CollectiveKind::kAllGather, tensor,
            cut.node < 0 ? last : cut.node, cut.node >= 0, -1);
    }
  }

  // The dim in which a cut operand is used split, or -1: whole.
  int32_t WantedDim(const Cut& cut, TensorId tensor) const {
    if (cut.node < 0) {
      const TensorId parameter = wiring_.replaces(tensor);
      for (const TensorDim& place : consequences_.tensors) {
        if (place.tensor == parameter) return place.dim;
      }
      return -1;
    }
    const FactorId factor = SelectedAt(cut.node);
    if (factor < 0) return -1;
    const Wiring::Use use = {cut.node, wiring_.PlaceOf(cut.node, cut.operand)};
    for (int32_t dim = 0; dim < graph_.tensor(tensor).rank; ++dim) {
      if (wiring_.factor_of(use, dim) == factor) return dim;
    }
    return -1;
  }

  void Place(CollectiveKind kind, TensorId tensor, NodeId node, bool is_before, FactorId factor) {
    // An array from outside a loop is moved once, before the loop.
    const NodeId producer = graph_.tensor(tensor).producer;
    const int64_t trips =
        is_before ? (producer < 0 ? 1 : graph_.node(producer).trips) : graph_.node(node).trips;
    CollectiveStep step = {kind, axis_.number, lowering_.SizeOf(tensor) / PartsOf(tensor, others_),
                           trips};
    const bool is_sum =
        kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kReduceScatter;
    if (is_sum && !lowering_.FeedsProducts(tensor)) step.combined = lowering_.variables();
    found_.push_back({node, is_before, node, tensor, factor, step});
  }

  const Lowering& lowering_;
  const Wiring& wiring_;
  const Graph& graph_;
  const Consequences& consequences_;
  const AxisOfPlan& axis_;
  const absl::Span<const Propagation* const> others_;
  std::vector<std::pair<NodeId, FactorId>> selected_;  // by node
  std::map<TensorId, Sum> sums_;
  std::vector<PlacedCollective> found_;
};

}  // namespace

std::vector<PlacedCollective> CollectivesOf(const Lowering& lowering,
                                            const Consequences& consequences,
                                            const AxisOfPlan& axis,
                                            absl::Span<const Propagation* const> others) {
  return CollectiveFinder(lowering, consequences, axis, others).Find();
}

std::optional<Buffer> GatheredCopy(const Lowering& lowering, const PlacedCollective& collective) {
  if (collective.step.kind != CollectiveKind::kAllGather) return std::nullopt;
  return Buffer{collective.step.bytes, lowering.place_of(collective.node),
                lowering.place_of(collective.until), BufferRole::kActivation, collective.tensor};
}

CollectiveSum SumOf(CollectiveKind kind, absl::Span<const PlacedCollective> collectives) {
  CollectiveSum sum;
  for (const PlacedCollective& collective : collectives) {
    if (collective.step.kind != kind) continue;
    sum.count += collective.step.repeats;
    sum.bytes += collective.step.bytes.value * static_cast<double>(collective.step.repeats);
  }
  return sum;
}

std::vector<PlacedCollective> CollectivesOf(const Lowering& lowering, int32_t axis,
                                            absl::Span<const Propagation* const> axes) {
  std::vector<const Propagation*> others(axes.begin(), axes.end());
  others.erase(others.begin() + axis);
  const Propagation& own = *axes[axis];
  const AxisOfPlan of_plan = {axis, own.options().axis_size, own.options().semantics, own.cuts()};
  std::vector<PlacedCollective> all;
  for (const Consequences& consequences : ConsequencesOf(own)) {
    const auto found = CollectivesOf(lowering, consequences, of_plan, others);
    all.insert(all.end(), found.begin(), found.end());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.node < b.node; });
  return all;
}

}  // namespace automap
