#include "planner/plan/feeds_products.h"

#include <algorithm>

namespace automap {
namespace {

bool IsProduct(Opcode opcode) {
  switch (opcode) {
    case Opcode::kDot:
    case Opcode::kRaggedDot:
    case Opcode::kConvolution:
    case Opcode::kCustomCall:
    case Opcode::kSort:
    case Opcode::kFft:
    case Opcode::kCholesky:
    case Opcode::kTriangularSolve:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<bool> FeedsProducts(const Graph& graph) {
  std::vector<bool> feeds(graph.tensor_count(), false);
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    for (NodeId node = graph.node_count() - 1; node >= 0; --node) {
      if (!graph.node(node).is_live) continue;
      const auto results = graph.results(node);
      const auto feeds_one = [&](TensorId tensor) { return feeds[tensor]; };
      if (!IsProduct(graph.node(node).opcode) &&
          std::none_of(results.begin(), results.end(), feeds_one)) {
        continue;
      }
      for (const TensorId operand : graph.operands(node)) {
        has_changed |= !feeds[operand];
        feeds[operand] = true;
      }
    }
  }
  return feeds;
}

}  // namespace automap
