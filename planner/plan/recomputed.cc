#include "planner/plan/recomputed.h"

#include <algorithm>
#include <numeric>

#include "absl/container/inlined_vector.h"
#include "planner/plan/work.h"

namespace automap {
namespace {

constexpr size_t kMostSources = 8;
constexpr double kAsLarge = 1.02;   // scales and means by feature come on top
constexpr double kMostRead = 2.04;  // times the result's bytes

using Sources = absl::InlinedVector<TensorId, 4>;

class Recomputation {
 public:
  // `last`: by array its last use, where that is known; empty: nothing is needed anyway.
  Recomputation(const Graph& graph, Storage storage, absl::Span<const Bytes> sizes,
                std::vector<int32_t> last = {})
      : graph_(graph),
        storage_(std::move(storage)),
        sizes_(sizes),
        last_(std::move(last)),
        only_maps_(graph.tensor_count(), true),
        only_dots_(graph.tensor_count(), true),
        is_overwritten_(graph.tensor_count(), false),
        sources_(graph.tensor_count()) {}

  Recomputed Find() && {
    FindReaders();
    std::vector<float> reread(graph_.tensor_count(), 1);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      for (const TensorId result : graph_.results(node)) {
        if (storage_.of[result] != result) continue;
        sources_[result] = SourcesOf(node);
        if (storage_.is_materialized[result] && IsWorkedOutAgain(node, result))
          storage_.is_materialized[result] = false;
        if (!storage_.is_materialized[result]) reread[result] = RereadOf(result);
      }
    }
    return {std::move(storage_), std::move(reread)};
  }

 private:
  // A renaming passes on what its own readers do with the array.
  void FindReaders() {
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      const Opcode opcode = graph_.node(node).opcode;
      const bool is_renamed = !graph_.results(node).empty() &&
                              storage_.of[graph_.results(node)[0]] != graph_.results(node)[0] &&
                              (opcode == Opcode::kReshape || opcode == Opcode::kBitcast);
      if (is_renamed || !graph_.node(node).is_live) continue;
      if (opcode == Opcode::kDynamicUpdateSlice || opcode == Opcode::kScatter)
        is_overwritten_[storage_.of[graph_.results(node)[0]]] = true;
      const bool is_map = IsCheapMap(opcode) || opcode == Opcode::kReduce;
      for (const TensorId operand : graph_.operands(node)) {
        const TensorId array = storage_.of[operand];
        only_maps_[array] = only_maps_[array] && is_map;
        only_dots_[array] = only_dots_[array] && opcode == Opcode::kDot;
      }
    }
    for (const Leaf& output : graph_.outputs()) {
      only_maps_[storage_.of[output.tensor]] = false;
      only_dots_[storage_.of[output.tensor]] = false;
    }
  }

  // The kept arrays that a node's result is made of; too many count as kMostSources + 1.
  Sources SourcesOf(NodeId node) const {
    Sources all;
    const auto add = [&](TensorId array) {
      if (std::find(all.begin(), all.end(), array) == all.end()) all.push_back(array);
    };
    for (const TensorId operand : graph_.operands(node)) {
      const TensorId array = storage_.of[operand];
      if (storage_.is_materialized[array]) {
        add(array);
      } else {
        for (const TensorId source : sources_[array]) add(source);
      }
      if (all.size() > kMostSources) break;
    }
    return all;
  }

  float RereadOf(TensorId result) const {
    const double size = sizes_[result].value;
    double bytes = 0;
    for (const TensorId source : sources_[result]) bytes += sizes_[source].value;
    return size > 0 && bytes > size ? static_cast<float>(bytes / size) : 1;
  }

  bool IsWorkedOutAgain(NodeId node, TensorId result) const {
    const Node& made = graph_.node(node);
    if (!IsCheapMap(made.opcode) || !made.is_live || graph_.operands(node).empty()) return false;
    if (made.opcode == Opcode::kTranspose && graph_.tensor(result).rank == 2 && only_dots_[result])
      return true;
    const Sources& sources = sources_[result];
    if (!only_maps_[result] || sources.size() > kMostSources) return false;
    if (ArithmeticOf(graph_, node).transcendentals > 0) return false;
    double bytes = 0, kept_for_it = 0;
    for (const TensorId source : sources) {
      // What a loop carries or an update changes is another array later.
      const NodeId producer = graph_.tensor(source).producer;
      const bool is_carried = producer >= 0 && graph_.node(producer).opcode == Opcode::kWhile;
      if (is_carried || is_overwritten_[source]) return false;
      bytes += sizes_[source].value;
      const bool lives_anyway = producer < 0 || (!last_.empty() && last_[source] >= last_[result]);
      if (!lives_anyway) kept_for_it += sizes_[source].value;
    }
    const double size = sizes_[result].value;
    return bytes <= kMostRead * size && kept_for_it <= kAsLarge * size;
  }

  const Graph& graph_;
  Storage storage_;
  const absl::Span<const Bytes> sizes_;
  const std::vector<int32_t> last_;
  std::vector<bool> only_maps_, only_dots_;  // by array: what its readers are
  std::vector<bool> is_overwritten_;         // by array
  std::vector<Sources> sources_;             // by array
};

}  // namespace

Recomputed WithoutRecomputed(const Graph& graph, Storage storage, absl::Span<const Bytes> sizes) {
  const Storage first = Recomputation(graph, std::move(storage), sizes).Find().storage;
  std::vector<NodeId> as_listed(graph.node_count());
  std::iota(as_listed.begin(), as_listed.end(), 0);
  return Recomputation(graph, first, sizes, LastUses(graph, first, as_listed)).Find();
}

}  // namespace automap
