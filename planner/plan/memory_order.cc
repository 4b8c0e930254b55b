#include "planner/plan/memory_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <tuple>

#include "absl/container/inlined_vector.h"

namespace automap {
namespace {

constexpr size_t kMostSources = 64;  // of an array that is not kept; more are left out

// What is scheduled at once: an operation, or a loop or conditional with all that is in it.
struct Unit {
  absl::InlinedVector<NodeId, 1> nodes;
  absl::InlinedVector<TensorId, 3> reads;  // kept arrays, once each
  absl::InlinedVector<int32_t, 2> after;   // units that wait for it, once each
  absl::InlinedVector<int32_t, 2> lazy;    // constant units that it reads
  double makes = 0;                        // bytes of new arrays, and of those of its lazy units
  int32_t waits_for = 0;                   // units before it that are not done
  bool is_lazy = false;                    // reads nothing that has to be computed
  bool is_done = false;
};

class ListScheduler {
 public:
  ListScheduler(const Graph& graph, const KeptArrays& kept)
      : graph_(graph), kept_(kept), unit_of_(graph.node_count()) {
    FormUnits();
    FindReads();
    FindDependencies();
  }

  std::vector<NodeId> Run() && {
    for (size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].is_lazy && units_[u].waits_for == 0) Offer(static_cast<int32_t>(u));
    }
    while (!ready_.empty()) {
      const auto [gain, negative, priority_version] = ready_.top();
      ready_.pop();
      const int32_t u = -negative;
      if (units_[u].is_done || priority_version != version_[u]) continue;
      Do(u);
    }
    // Constants that nothing reads, and what only they lead to.
    for (size_t u = 0; u < units_.size(); ++u) {
      if (!units_[u].is_done) Emit(static_cast<int32_t>(u));
    }
    return std::move(order_);
  }

 private:
  using Key = std::pair<CallSiteId, const xla::HloInstructionProto*>;

  // The outermost loop or conditional around a call site; null: none.
  Key KeyAround(CallSiteId site) const {
    Key key = {-1, nullptr};
    for (; site > 0; site = graph_.call_site(site).parent) {
      const CallSite& call = graph_.call_site(site);
      if (call.caller->opcode() == "while" || call.caller->opcode() == "conditional")
        key = {call.parent, call.caller};
    }
    return key;
  }

  // The one that a node belongs to; `around` is that around its call site.
  Key KeyOf(NodeId node, const Key& around) const {
    const Node& of = graph_.node(node);
    const bool is_own = of.opcode == Opcode::kWhile || of.opcode == Opcode::kConditional;
    return around.second == nullptr && is_own ? Key{of.call_site, of.instruction} : around;
  }

  void FormUnits() {
    units_.reserve(graph_.node_count());
    std::map<Key, int32_t> known;
    CallSiteId site = -1;  // whose surroundings are in `around`: neighbours share theirs
    Key around;
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (graph_.node(node).call_site != site)
        site = graph_.node(node).call_site, around = KeyAround(site);
      const Key key = KeyOf(node, around);
      int32_t unit = static_cast<int32_t>(units_.size());
      if (key.second != nullptr) unit = known.try_emplace(key, unit).first->second;
      if (unit == static_cast<int32_t>(units_.size())) units_.emplace_back();
      units_[unit].nodes.push_back(node);
      unit_of_[node] = unit;
    }
    version_.assign(units_.size(), 0);
  }

  // Reading an array that is not kept is reading what it is made of.
  void FindReads() {
    std::vector<absl::InlinedVector<TensorId, 2>> sources(graph_.tensor_count());
    uses_left_.assign(graph_.tensor_count(), 0);
    last_users_.assign(graph_.tensor_count(), 0);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (!graph_.node(node).is_live) continue;
      absl::InlinedVector<TensorId, 8> read;
      for (const TensorId operand : graph_.operands(node)) {
        const TensorId array = kept_.storage.of[operand];
        if (kept_.is_new[array]) {
          read.push_back(array);
        } else if (!kept_.storage.is_materialized[array]) {
          read.insert(read.end(), sources[array].begin(), sources[array].end());
        }
        if (read.size() > kMostSources) break;
      }
      bool keeps_some = graph_.results(node).empty();
      for (const TensorId result : graph_.results(node)) {
        const TensorId array = kept_.storage.of[result];
        keeps_some = keeps_some || kept_.storage.is_materialized[array];
        if (array == result && kept_.is_new[array])
          units_[unit_of_[node]].makes += kept_.sizes[array].value;
      }
      if (keeps_some) {
        auto& reads = units_[unit_of_[node]].reads;
        reads.insert(reads.end(), read.begin(), read.end());
        continue;
      }
      std::sort(read.begin(), read.end());
      read.erase(std::unique(read.begin(), read.end()), read.end());
      for (const TensorId result : graph_.results(node))
        sources[kept_.storage.of[result]].assign(read.begin(), read.end());
    }
    for (size_t u = 0; u < units_.size(); ++u) {
      auto& reads = units_[u].reads;
      std::sort(reads.begin(), reads.end());
      reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
      for (const TensorId array : reads) ++uses_left_[array], last_users_[array] += u;
    }
    for (const Leaf& output : graph_.outputs()) ++uses_left_[kept_.storage.of[output.tensor]];
  }

  // Whoever reads a tensor waits for those that make it; whoever overwrites an array for those that
  // read it before.
  void FindDependencies() {
    std::vector<absl::InlinedVector<NodeId, 1>> producers(graph_.tensor_count());
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      for (const TensorId result : graph_.results(node)) producers[result].push_back(node);
    }
    std::vector<int32_t> list;  // units before the one at hand
    for (size_t u = 0; u < units_.size(); ++u) {
      Unit& unit = units_[u];
      list.clear();
      bool reads_parameter = false;
      for (const NodeId node : unit.nodes) {
        for (const TensorId operand : graph_.operands(node)) {
          reads_parameter = reads_parameter || producers[operand].empty();
          for (const NodeId producer : producers[operand]) list.push_back(unit_of_[producer]);
        }
        const Opcode opcode = graph_.node(node).opcode;
        if (opcode != Opcode::kDynamicUpdateSlice && opcode != Opcode::kScatter) continue;
        for (const NodeId reader : graph_.readers(graph_.operands(node)[0])) {
          if (reader < node) list.push_back(unit_of_[reader]);
        }
      }
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
      list.erase(std::remove(list.begin(), list.end(), static_cast<int32_t>(u)), list.end());
      unit.is_lazy = !reads_parameter && std::all_of(list.begin(), list.end(), [&](int32_t other) {
        return units_[other].is_lazy;
      });
      for (const int32_t other : list) {
        if (units_[other].is_lazy) {
          unit.lazy.push_back(other);
          if (!unit.is_lazy) unit.makes += units_[other].makes;
        } else {
          units_[other].after.push_back(static_cast<int32_t>(u));
          ++unit.waits_for;
        }
      }
    }
  }

  double GainOf(int32_t u) const {
    double gain = -units_[u].makes;
    for (const TensorId array : units_[u].reads) {
      if (uses_left_[array] == 1) gain += kept_.sizes[array].value;
    }
    return gain;
  }

  void Offer(int32_t u) { ready_.emplace(GainOf(u), -u, ++version_[u]); }

  // With the constants that it needs.
  void Emit(int32_t u) {
    std::vector<int32_t> all = {u};
    units_[u].is_done = true;
    for (size_t next = 0; next < all.size(); ++next) {
      for (const int32_t other : units_[all[next]].lazy) {
        if (units_[other].is_done) continue;
        units_[other].is_done = true;
        all.push_back(other);
      }
    }
    std::sort(all.begin(), all.end());
    for (const int32_t unit : all)
      order_.insert(order_.end(), units_[unit].nodes.begin(), units_[unit].nodes.end());
  }

  void Do(int32_t u) {
    Emit(u);
    for (const TensorId array : units_[u].reads) {
      last_users_[array] -= u;
      if (--uses_left_[array] != 1) continue;
      // The one reader that is left frees it now; a result of the step has none left.
      const int64_t reader = last_users_[array];
      const bool waits = reader < static_cast<int64_t>(units_.size()) && !units_[reader].is_done &&
                         !units_[reader].is_lazy && units_[reader].waits_for == 0;
      if (waits) Offer(static_cast<int32_t>(reader));
    }
    for (const int32_t other : units_[u].after) {
      if (--units_[other].waits_for == 0) Offer(other);
    }
  }

  const Graph& graph_;
  const KeptArrays& kept_;
  std::vector<int32_t> unit_of_;
  std::vector<Unit> units_;
  std::vector<int32_t> uses_left_;   // by array: units that still read it, and the step's result
  std::vector<int64_t> last_users_;  // by array: the sum of the numbers of those units
  std::vector<int32_t> version_;     // by unit: its newest entry in ready_
  std::priority_queue<std::tuple<double, int32_t, int32_t>> ready_;
  std::vector<NodeId> order_;
};

}  // namespace

Bytes PeakOfNewArrays(const Graph& graph, const KeptArrays& kept, absl::Span<const NodeId> order) {
  const std::vector<int32_t> last = LastUses(graph, kept.storage, order);
  std::vector<double> change(order.size() + 1, 0);
  std::vector<bool> is_counted(graph.tensor_count(), false);
  for (size_t place = 0; place < order.size(); ++place) {
    if (!graph.node(order[place]).is_live) continue;
    for (const TensorId result : graph.results(order[place])) {
      if (!kept.is_new[result] || is_counted[result]) continue;
      is_counted[result] = true;
      const double bytes = kept.sizes[result].value;
      change[place] += bytes;
      change[std::max(static_cast<int32_t>(place), last[result]) + 1] -= bytes;
    }
  }
  double live = 0, most = 0;
  for (const double step : change) most = std::max(most, live += step);
  return {most};
}

std::vector<NodeId> MemoryOrder(const Graph& graph, const KeptArrays& kept) {
  std::vector<NodeId> as_listed(graph.node_count());
  std::iota(as_listed.begin(), as_listed.end(), 0);
  std::vector<NodeId> found = ListScheduler(graph, kept).Run();
  return PeakOfNewArrays(graph, kept, found) < PeakOfNewArrays(graph, kept, as_listed) ? found
                                                                                       : as_listed;
}

}  // namespace automap
