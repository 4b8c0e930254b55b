#include "planner/explore/pipeline/phases.h"

#include <algorithm>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "xla/xla_data.pb.h"

namespace automap {
namespace {

constexpr int32_t kNone = std::numeric_limits<int32_t>::max();
constexpr int kMaxLossCandidates = 16;

bool IsFloat(uint8_t type) {
  switch (type) {
    case xla::F16:
    case xla::BF16:
    case xla::F32:
    case xla::F64:
      return true;
    default:
      return false;
  }
}

int64_t Elements(const Tensor& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape()) count *= size;
  return count;
}

// Finds the pieces one after the other; each function fills one of them.
class PhaseFinder {
  using Slots = absl::InlinedVector<int32_t, 4>;

 public:
  PhaseFinder(const Graph& graph, const Roles& roles) : graph_(graph), roles_(roles) {}

  absl::StatusOr<StepPhases> Find() {
    FindDependence();
    if (!FindForwardFromLoss() && !FindForwardFromUpdates()) {
      return absl::FailedPreconditionError(
          "no forward pass: no result depends on the variables as a loss does; see `automap "
          "inspect` and give roles with --roles");
    }
    NumberSlots();
    if (phases_.slots.empty()) {
      return absl::FailedPreconditionError(
          "no forward pass: no operation depends on both a variable and an input");
    }
    PullForward();
    FindReaders();
    PlaceOthers();
    PullOthers();
    PlaceOwned();
    FindHomes();
    return std::move(phases_);
  }

 private:
  // Which tensors depend on a variable, on an input, on either.
  void FindDependence() {
    on_variable_.assign(graph_.tensor_count(), false);
    on_input_.assign(graph_.tensor_count(), false);
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      const TensorId tensor = graph_.parameters()[p].tensor;
      on_variable_[tensor] = roles_.of[p] == Role::kVariable;
      on_input_[tensor] = roles_.of[p] == Role::kInput;
    }
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      for (const TensorId operand : graph_.operands(node)) {
        for (const TensorId result : graph_.results(node)) {
          if (on_variable_[operand]) on_variable_[result] = true;
          if (on_input_[operand]) on_input_[result] = true;
        }
      }
    }
  }

  // Nodes that `tensor` depends on, and how many variables.
  int64_t Ancestors(TensorId tensor, std::vector<bool>& nodes) const {
    std::vector<bool> wanted(graph_.tensor_count(), false);
    wanted[tensor] = true;
    nodes.assign(graph_.node_count(), false);
    // Twice: a loop's results come before its carried values are complete.
    for (int pass = 0; pass < 2; ++pass) {
      for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
        const auto results = graph_.results(node);
        if (std::none_of(results.begin(), results.end(), [&](TensorId t) { return wanted[t]; }))
          continue;
        nodes[node] = true;
        for (const TensorId operand : graph_.operands(node)) wanted[operand] = true;
      }
    }
    int64_t variables = 0;
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      variables += wanted[graph_.parameters()[p].tensor] && roles_.of[p] == Role::kVariable;
    }
    return variables;
  }

  // The scalar result with the fewest operations behind it among those that reach (nearly) as many
  // variables as any: gradient norms reach them, too, but through the backward pass.
  bool FindForwardFromLoss() {
    int64_t most = 0, fewest_nodes = 0;
    int candidates = 0;
    std::vector<std::pair<int64_t, std::vector<bool>>> reached;
    std::vector<std::string> names;
    for (size_t o = 0; o < graph_.outputs().size(); ++o) {
      const Leaf& output = graph_.outputs()[o];
      const Tensor& tensor = graph_.tensor(output.tensor);
      const bool is_candidate = roles_.updated_parameter[o] < 0 && Elements(tensor) == 1 &&
                                IsFloat(tensor.type) && on_variable_[output.tensor] &&
                                on_input_[output.tensor];
      if (!is_candidate || ++candidates > kMaxLossCandidates) continue;
      std::vector<bool> nodes;
      const int64_t variables = Ancestors(output.tensor, nodes);
      most = std::max(most, variables);
      reached.emplace_back(variables, std::move(nodes));
      names.push_back(output.name);
    }
    for (size_t i = 0; i < reached.size(); ++i) {
      const auto& [variables, nodes] = reached[i];
      const int64_t count = std::count(nodes.begin(), nodes.end(), true);
      if (variables == 0 || variables * 10 < most * 9) continue;
      if (fewest_nodes > 0 && count >= fewest_nodes) continue;
      fewest_nodes = count;
      phases_.is_forward = nodes;
      phases_.loss = absl::StrCat("what the result ", names[i], " depends on");
    }
    return fewest_nodes > 0;
  }

  // Without a loss among the results: what (nearly) every new variable depends on. The gradient of
  // the last layer depends on the whole forward pass, that of a layer before on its successors'
  // too.
  bool FindForwardFromUpdates() {
    std::vector<TensorId> updates;
    for (size_t o = 0; o < graph_.outputs().size(); ++o) {
      const int32_t parameter = roles_.updated_parameter[o];
      if (parameter >= 0 && roles_.of[parameter] == Role::kVariable &&
          on_input_[graph_.outputs()[o].tensor])
        updates.push_back(graph_.outputs()[o].tensor);
    }
    const size_t words = (updates.size() + 63) / 64;
    if (updates.empty() || words * graph_.tensor_count() > (size_t{1} << 27)) return false;
    std::vector<uint64_t> reaches(words * graph_.tensor_count(), 0);
    for (size_t u = 0; u < updates.size(); ++u)
      reaches[updates[u] * words + u / 64] |= uint64_t{1} << (u % 64);
    phases_.is_forward.assign(graph_.node_count(), false);
    bool any = false;
    for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
      int64_t count = 0;
      for (size_t w = 0; w < words; ++w) {
        uint64_t bits = 0;
        for (const TensorId result : graph_.results(node)) bits |= reaches[result * words + w];
        for (const TensorId operand : graph_.operands(node)) reaches[operand * words + w] |= bits;
        count += __builtin_popcountll(bits);
      }
      if (count * 10 < static_cast<int64_t>(updates.size()) * 9) continue;
      phases_.is_forward[node] = true;
      any = true;
    }
    phases_.loss = "what nearly every new variable depends on (no result is a loss)";
    return any;
  }

  void NumberSlots() {
    phases_.slot_of.assign(graph_.node_count(), kNone);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (!phases_.is_forward[node] || graph_.results(node).empty()) continue;
      const TensorId result = graph_.results(node)[0];
      if (!on_variable_[result] || !on_input_[result]) continue;
      phases_.slot_of[node] = static_cast<int32_t>(phases_.slots.size());
      phases_.slots.push_back(node);
    }
  }

  int32_t FirstReader(NodeId node, bool forward_only) const {
    int32_t first = kNone;
    for (const TensorId result : graph_.results(node)) {
      for (const NodeId reader : graph_.readers(result)) {
        if (forward_only && !phases_.is_forward[reader]) continue;
        first = std::min(first, phases_.slot_of[reader]);
      }
    }
    return first;
  }

  void PullForward() {
    for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
      if (phases_.is_forward[node] && phases_.slot_of[node] == kNone)
        phases_.slot_of[node] = FirstReader(node, true);
    }
  }

  // By tensor that depends on a parameter, the slots of the forward operations that read it,
  // directly or through what was pulled to them.
  void FindReaders() {
    readers_.resize(graph_.tensor_count());
    for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
      if (!phases_.is_forward[node] || phases_.slot_of[node] == kNone) continue;
      const TensorId result = graph_.results(node).empty() ? -1 : graph_.results(node)[0];
      if (result < 0) continue;
      const bool is_slot = on_variable_[result] && on_input_[result];
      if (!is_slot) SortUnique(readers_[result]);  // whoever reads it was there already
      for (const TensorId operand : graph_.operands(node)) {
        if (operand == result || graph_.tensor(operand).is_free) continue;
        auto& slots = readers_[operand];
        if (is_slot) {
          slots.push_back(phases_.slot_of[node]);
        } else if (readers_[result].size() <= 4096) {
          slots.insert(slots.end(), readers_[result].begin(), readers_[result].end());
        }
      }
    }
    for (auto& slots : readers_) SortUnique(slots);
  }

  // Most lists are of one slot, or in order already, the last one first.
  static void SortUnique(Slots& slots) {
    if (slots.size() < 2) return;
    if (slots.front() > slots.back()) std::reverse(slots.begin(), slots.end());
    if (!std::is_sorted(slots.begin(), slots.end())) std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  }

  bool IsForwardValue(TensorId tensor) const {
    const NodeId producer = graph_.tensor(tensor).producer;
    return producer < 0 || phases_.is_forward[producer];
  }

  // The last forward reader of a value that is not after `limit`, or kNone.
  int32_t ReaderBefore(TensorId tensor, int32_t limit) const {
    const auto& slots = readers_[tensor];
    const auto end = std::upper_bound(slots.begin(), slots.end(), limit);
    return end == slots.begin() ? kNone : *(end - 1);
  }

  void PlaceOthers() {
    is_anchored_.assign(graph_.node_count(), false);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (phases_.is_forward[node]) continue;
      int32_t from_gradients = kNone;
      for (const TensorId operand : graph_.operands(node)) {
        const Tensor& tensor = graph_.tensor(operand);
        if (tensor.rank == 0 || tensor.is_free || IsForwardValue(operand)) continue;
        from_gradients = std::min(from_gradients, phases_.slot_of[tensor.producer]);
      }
      int32_t differentiates = -1;
      for (const TensorId operand : graph_.operands(node)) {
        const Tensor& tensor = graph_.tensor(operand);
        if (tensor.rank == 0 || tensor.is_free || !IsForwardValue(operand)) continue;
        const int32_t slot = ReaderBefore(operand, from_gradients);
        if (slot != kNone) differentiates = std::max(differentiates, slot);
      }
      phases_.slot_of[node] = differentiates >= 0 ? differentiates : from_gradients;
      is_anchored_[node] = differentiates >= 0;
    }
  }

  // What nothing places goes to its first reader, else to the last slot.
  void PullOthers() {
    const int32_t last = static_cast<int32_t>(phases_.slots.size()) - 1;
    for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
      if (phases_.slot_of[node] == kNone) phases_.slot_of[node] = FirstReader(node, false);
      if (phases_.slot_of[node] == kNone) phases_.slot_of[node] = last;
    }
  }

  // What serves one variable's update alone, and reads no forward value that says where it belongs,
  // belongs where that variable is updated: the sum that is a bias's gradient, its momentum.
  void PlaceOwned() {
    std::vector<NodeId> owner(graph_.node_count(), -1);  // the update's last operation
    for (size_t o = 0; o < graph_.outputs().size(); ++o) {
      const int32_t parameter = roles_.updated_parameter[o];
      const NodeId producer = graph_.tensor(graph_.outputs()[o].tensor).producer;
      if (parameter >= 0 && producer >= 0 && roles_.of[parameter] == Role::kVariable &&
          !phases_.is_forward[producer] && is_anchored_[producer])
        owner[producer] = producer;
    }
    for (NodeId node = graph_.node_count() - 1; node >= 0; --node) {
      if (phases_.is_forward[node] || is_anchored_[node]) continue;
      owner[node] = OwnerOf(node, owner);
      if (owner[node] >= 0) phases_.slot_of[node] = phases_.slot_of[owner[node]];
    }
  }

  // The one that all readers have, or -1.
  NodeId OwnerOf(NodeId node, const std::vector<NodeId>& owner) const {
    NodeId found = -1;
    for (const TensorId result : graph_.results(node)) {
      for (const NodeId reader : graph_.readers(result)) {
        if (owner[reader] < 0 || (found >= 0 && owner[reader] != found)) return -1;
        found = owner[reader];
      }
    }
    return found;
  }

  void FindHomes() {
    phases_.home.assign(graph_.parameters().size(), -1);
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      const TensorId tensor = graph_.parameters()[p].tensor;
      phases_.read_at.emplace_back(readers_[tensor].begin(), readers_[tensor].end());
      if (!readers_[tensor].empty()) phases_.home[p] = readers_[tensor].front();
    }
    for (size_t o = 0; o < graph_.outputs().size(); ++o) {
      const int32_t parameter = roles_.updated_parameter[o];
      const NodeId producer = graph_.tensor(graph_.outputs()[o].tensor).producer;
      if (parameter >= 0 && producer >= 0) phases_.home[parameter] = phases_.slot_of[producer];
    }
  }

  const Graph& graph_;
  const Roles& roles_;
  StepPhases phases_;
  std::vector<bool> on_variable_, on_input_;
  std::vector<bool> is_anchored_;  // by node: placed by a forward value that it reads
  std::vector<Slots> readers_;     // by tensor
};

}  // namespace

absl::StatusOr<StepPhases> FindPhases(const Graph& graph, const Roles& roles) {
  return PhaseFinder(graph, roles).Find();
}

}  // namespace automap
