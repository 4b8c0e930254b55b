#include "planner/propagation/structure.h"

#include <algorithm>
#include <unordered_map>

namespace automap {
namespace {

constexpr int kRounds = 3;

// splitmix64's finisher: spreads every input bit over the word.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t Combine(uint64_t a, uint64_t b) { return Mix(a ^ Mix(b)); }

uint64_t ShapeHash(const Tensor& tensor) {
  uint64_t hash = Mix(tensor.type);
  for (const int64_t size : tensor.shape()) hash = Combine(hash, size);
  return hash;
}

uint64_t NodeHash(const Wiring& wiring, FactorId factor) {
  const Graph& graph = wiring.graph();
  const NodeId node = wiring.factor(factor).node;
  uint64_t hash =
      Combine(static_cast<uint64_t>(graph.node(node).opcode), factor - wiring.factor_begin(node));
  hash = Combine(hash, graph.node(node).trips);
  for (const TensorId tensor : graph.operands(node))
    hash = Combine(hash, ShapeHash(graph.tensor(tensor)));
  for (const TensorId tensor : graph.results(node))
    hash = Combine(hash, ShapeHash(graph.tensor(tensor)));
  return hash;
}

}  // namespace

uint64_t StructureFingerprint(const Wiring& wiring, const std::vector<FactorId>& factors,
                              const std::vector<TensorDim>& tensors) {
  const Graph& graph = wiring.graph();
  std::unordered_map<NodeId, uint64_t> node_hash;
  std::unordered_map<TensorId, uint64_t> tensor_hash;
  for (const FactorId factor : factors)
    node_hash[wiring.factor(factor).node] = NodeHash(wiring, factor);
  for (const TensorDim& place : tensors) {
    tensor_hash[place.tensor] =
        Combine(Combine(ShapeHash(graph.tensor(place.tensor)), place.dim), place.outer);
  }
  // Sums over neighbours do not depend on their order, which differs between copies.
  for (int round = 0; round < kRounds; ++round) {
    std::unordered_map<TensorId, uint64_t> next_tensor = tensor_hash;
    std::unordered_map<NodeId, uint64_t> next_node = node_hash;
    for (const auto& [node, hash] : node_hash) {
      uint64_t place = 0;
      for (const TensorId tensor : graph.operands(node)) {
        ++place;
        const auto found = tensor_hash.find(tensor);
        if (found == tensor_hash.end()) continue;
        next_node[node] += Mix(found->second + place);
        next_tensor[tensor] += Mix(hash + place);
      }
      for (const TensorId tensor : graph.results(node)) {
        const auto found = tensor_hash.find(tensor);
        if (found == tensor_hash.end()) continue;
        next_node[node] += Mix(found->second ^ 1);
        next_tensor[tensor] += Mix(hash ^ 1);
      }
    }
    tensor_hash = std::move(next_tensor);
    node_hash = std::move(next_node);
  }
  uint64_t sum = Combine(factors.size(), tensors.size());
  for (const auto& entry : node_hash) sum += Mix(entry.second);
  for (const auto& entry : tensor_hash) sum += Mix(entry.second ^ 2);
  return sum;
}

}  // namespace automap
