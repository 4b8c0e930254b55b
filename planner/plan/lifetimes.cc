#include "planner/plan/lifetimes.h"

#include <algorithm>
#include <map>

namespace automap {
namespace {

constexpr int32_t kNoLoop = -1;

// The loops of a graph as a tree: which one a node is in, and where each ends.
class Loops {
 public:
  Loops(const Graph& graph, absl::Span<const NodeId> order) : graph_(graph) {
    for (int32_t place = 0; place < graph.node_count(); ++place) {
      for (int32_t loop = LoopOf(order[place]); loop != kNoLoop; loop = loops_[loop].outer)
        loops_[loop].last = place;
    }
  }

  // The last place of the outermost loop that `reader`, at `place`, is in and `producer` (-1: a
  // parameter) is not; `place` where there is none.
  int32_t LastReadOf(NodeId producer, NodeId reader, int32_t place) {
    int32_t last = place;
    if (loops_.empty()) return last;
    for (int32_t loop = LoopOf(reader); loop != kNoLoop; loop = loops_[loop].outer) {
      if (producer >= 0 && IsInside(producer, loop)) break;
      last = loops_[loop].last;
    }
    return last;
  }

 private:
  struct Loop {
    int32_t outer = kNoLoop;
    int32_t last = -1;
  };

  int32_t LoopOf(NodeId node) { return LoopOfSite(graph_.node(node).call_site); }

  // Body and condition of one loop are two sites with one caller.
  int32_t LoopOfSite(CallSiteId site) {
    while (static_cast<size_t>(site) >= of_site_.size()) of_site_.push_back(kUnknown);
    if (of_site_[site] != kUnknown) return of_site_[site];
    const CallSite& call = graph_.call_site(site);
    int32_t loop = call.parent < 0 ? kNoLoop : LoopOfSite(call.parent);
    if (call.caller != nullptr && call.caller->opcode() == "while") {
      const auto [found, is_new] =
          by_caller_.try_emplace({call.parent, call.caller}, static_cast<int32_t>(loops_.size()));
      if (is_new) loops_.push_back({loop, -1});
      loop = found->second;
    }
    return of_site_[site] = loop;
  }

  bool IsInside(NodeId node, int32_t loop) {
    int32_t at = LoopOf(node);
    while (at != kNoLoop && at != loop) at = loops_[at].outer;
    return at == loop;
  }

  static constexpr int32_t kUnknown = -2;
  const Graph& graph_;
  std::vector<Loop> loops_;
  std::vector<int32_t> of_site_;
  std::map<std::pair<CallSiteId, const xla::HloInstructionProto*>, int32_t> by_caller_;
};

}  // namespace

std::vector<int32_t> LastUses(const Graph& graph, const Storage& storage,
                              absl::Span<const NodeId> order) {
  Loops loops(graph, order);
  std::vector<int32_t> last(graph.tensor_count(), -1);
  for (const Leaf& output : graph.outputs())
    last[storage.of[output.tensor]] = graph.node_count() - 1;
  for (int32_t place = graph.node_count() - 1; place >= 0; --place) {
    const NodeId node = order[place];
    if (!graph.node(node).is_live) continue;
    int32_t until = place;
    for (const TensorId result : graph.results(node)) {
      int32_t& needed = last[storage.of[result]];
      if (!storage.is_materialized[storage.of[result]]) until = std::max(until, needed);
      needed = std::max(needed, place);
    }
    for (const TensorId operand : graph.operands(node)) {
      const TensorId array = storage.of[operand];
      const int32_t read = loops.LastReadOf(graph.tensor(array).producer, node, place);
      last[array] = std::max({last[array], until, read});
    }
  }
  return last;
}

}  // namespace automap
