#include "planner/graph/live_nodes.h"

#include <algorithm>
#include <utility>

namespace automap {
namespace {

bool HasEffect(const Node& node) {
  switch (node.opcode) {
    case Opcode::kInfeed:
    case Opcode::kOutfeed:
    case Opcode::kSend:
    case Opcode::kSendDone:
    case Opcode::kRecv:
    case Opcode::kRecvDone:
    case Opcode::kRngGetAndUpdateState:
      return true;
    case Opcode::kCustomCall:
      return node.instruction->custom_call_has_side_effect();
    default:
      return false;
  }
}

}  // namespace

std::vector<bool> LiveNodes(const Graph& graph, const std::vector<TensorId>& controls) {
  std::vector<std::pair<TensorId, NodeId>> producers;  // several at joins of loops and branches
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    for (const TensorId result : graph.results(node)) producers.emplace_back(result, node);
  }
  std::sort(producers.begin(), producers.end());
  std::vector<bool> is_live(graph.node_count(), false);
  std::vector<NodeId> queue;
  const auto need = [&](NodeId node) {
    if (is_live[node]) return;
    is_live[node] = true;
    queue.push_back(node);
  };
  const auto need_tensor = [&](TensorId tensor) {
    auto producer =
        std::lower_bound(producers.begin(), producers.end(), std::make_pair(tensor, NodeId{0}));
    for (; producer != producers.end() && producer->first == tensor; ++producer)
      need(producer->second);
  };
  for (const Leaf& output : graph.outputs()) need_tensor(output.tensor);
  for (const TensorId control : controls) need_tensor(control);
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    if (HasEffect(graph.node(node))) need(node);
  }
  while (!queue.empty()) {
    const NodeId node = queue.back();
    queue.pop_back();
    for (const TensorId operand : graph.operands(node)) need_tensor(operand);
  }
  return is_live;
}

}  // namespace automap
