#include <random>

#include "planner/graph/element_type.h"
#include "tests/support/interpreter/sharded.h"

namespace automap::interpreter {
namespace {

// Small values; integers reach below and beyond the sizes of the tests' dims, as indices may.
Array RandomArray(const Tensor& tensor, std::mt19937_64& random) {
  return WholeBlock({tensor.type, DimsOf(tensor), {}}).Filled([&](const Dims&) -> Number {
    const double value = static_cast<double>(random() % 33) - 16;
    if (tensor.type == xla::PRED) return random() % 2 == 0 ? 0.0 : 1.0;
    if (tensor.type == xla::C64 || tensor.type == xla::C128) {
      return {value / 8, static_cast<double>(random() % 17) / 8 - 1};
    }
    return IsFloat(tensor.type) ? value / 8 : static_cast<double>(random() % 12) - 2;
  });
}

class Runner {
 public:
  Runner(const Graph& graph, uint64_t seed, const Visit& visit)
      : graph_(graph), visit_(visit), random_(seed), values_(graph.tensor_count()) {
    for (const Leaf& leaf : graph.parameters()) {
      values_[leaf.tensor] = RandomArray(graph.tensor(leaf.tensor), random_);
    }
  }

  void Run(NodeId begin, NodeId end) {
    for (NodeId node = begin; node < end;) {
      node = graph_.node(node).opcode == Opcode::kWhile ? RunLoop(node, end) : RunNode(node);
    }
  }

 private:
  bool IsSameLoop(NodeId a, NodeId b) const {
    return graph_.node(b).opcode == Opcode::kWhile &&
           graph_.node(a).instruction == graph_.node(b).instruction &&
           graph_.node(a).call_site == graph_.node(b).call_site;
  }

  // The identities that begin at `first`: one for each carried array.
  NodeId EndOfIdentities(NodeId first, NodeId end) const {
    NodeId last = first;
    while (last < end && IsSameLoop(first, last) &&
           (last == first || graph_.results(last)[0] != graph_.results(first)[0])) {
      ++last;
    }
    return last;
  }

  // Initial values, the body some times with its results handed on, and the place behind it all.
  NodeId RunLoop(NodeId first, NodeId end) {
    const NodeId body = EndOfIdentities(first, end);
    NodeId back = body;
    while (back < end && !IsSameLoop(first, back)) ++back;
    const NodeId behind = EndOfIdentities(back, end);
    const int64_t trips = graph_.node(back).trips / graph_.node(first).trips;
    HandOn(first, body);
    for (int64_t trip = 0; trip < std::min<int64_t>(trips, 2); ++trip) {
      Run(body, back);
      HandOn(back, behind);
    }
    return behind;
  }

  // Identities take effect together: a body may exchange its carried arrays.
  void HandOn(NodeId begin, NodeId end) {
    std::vector<Array> arrays;
    for (NodeId node = begin; node < end; ++node) {
      arrays.push_back(values_[graph_.operands(node)[0]]);
      visit_(node, {arrays.back()}, {arrays.back()});
    }
    for (NodeId node = begin; node < end; ++node) {
      values_[graph_.results(node)[0]] = arrays[node - begin];
    }
  }

  NodeId RunNode(NodeId node) {
    std::vector<Array> operands, results;
    for (const TensorId tensor : graph_.operands(node)) {
      // Contexts of started operations have no producer.
      if (values_[tensor].values.empty()) {
        values_[tensor] = RandomArray(graph_.tensor(tensor), random_);
      }
      operands.push_back(values_[tensor]);
    }
    const Node& it = graph_.node(node);
    const auto places = graph_.results(node);
    if (IsEvaluable(it.opcode, *it.instruction)) {
      results = RunWhole(graph_, node, operands);
      visit_(node, operands, results);
    } else {
      for (const TensorId tensor : places) {
        results.push_back(RandomArray(graph_.tensor(tensor), random_));
      }
    }
    for (size_t r = 0; r < places.size(); ++r) values_[places[r]] = results[r];
    return node + 1;
  }

  const Graph& graph_;
  const Visit& visit_;
  std::mt19937_64 random_;
  std::vector<Array> values_;
};

}  // namespace

void RunGraph(const Graph& graph, uint64_t seed, const Visit& visit) {
  Runner(graph, seed, visit).Run(0, graph.node_count());
}

}  // namespace automap::interpreter
