#include "planner/propagation/structure.h"

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

}  // namespace

StructureHasher::StructureHasher(const Wiring& wiring)
    : wiring_(wiring),
      shape_(wiring.graph().tensor_count(), 0),
      tensor_(wiring.graph().tensor_count(), 0),
      node_(wiring.graph().node_count(), 0),
      more_tensor_(wiring.graph().tensor_count(), 0),
      more_node_(wiring.graph().node_count(), 0) {}

uint64_t StructureHasher::ShapeHash(TensorId tensor) {
  uint64_t& hash = shape_[tensor];
  if (hash != 0) return hash;
  const Tensor& it = wiring_.graph().tensor(tensor);
  hash = Mix(it.type);
  for (const int64_t size : it.shape()) hash = Combine(hash, size);
  return hash |= 1;
}

uint64_t StructureHasher::NodeHash(FactorId factor) {
  const Graph& graph = wiring_.graph();
  const NodeId node = wiring_.factor(factor).node;
  uint64_t hash =
      Combine(static_cast<uint64_t>(graph.node(node).opcode), factor - wiring_.factor_begin(node));
  hash = Combine(hash, graph.node(node).trips);
  for (const TensorId tensor : graph.operands(node)) hash = Mix(hash ^ ShapeHash(tensor));
  for (const TensorId tensor : graph.results(node)) hash = Mix(hash ^ ShapeHash(tensor));
  return hash | 1;
}

// Sums over neighbours do not depend on their order, which differs between copies.
void StructureHasher::Refine(const std::vector<FactorId>& factors,
                             const std::vector<TensorDim>& tensors) {
  const Graph& graph = wiring_.graph();
  for (const FactorId factor : factors) {
    const NodeId node = wiring_.factor(factor).node;
    uint64_t place = 0;
    for (const TensorId tensor : graph.operands(node)) {
      ++place;
      if (tensor_[tensor] == 0) continue;
      more_node_[node] += Mix(tensor_[tensor] + place);
      more_tensor_[tensor] += Mix(node_[node] + place);
    }
    for (const TensorId tensor : graph.results(node)) {
      if (tensor_[tensor] == 0) continue;
      more_node_[node] += Mix(tensor_[tensor] ^ 1);
      more_tensor_[tensor] += Mix(node_[node] ^ 1);
    }
  }
  for (const FactorId factor : factors) {
    const NodeId node = wiring_.factor(factor).node;
    node_[node] = (node_[node] + more_node_[node]) | 1;
    more_node_[node] = 0;
  }
  for (const TensorDim& place : tensors) {
    tensor_[place.tensor] = (tensor_[place.tensor] + more_tensor_[place.tensor]) | 1;
    more_tensor_[place.tensor] = 0;
  }
}

uint64_t StructureHasher::Fingerprint(const std::vector<FactorId>& factors,
                                      const std::vector<TensorDim>& tensors) {
  for (const FactorId factor : factors) node_[wiring_.factor(factor).node] = NodeHash(factor);
  for (const TensorDim& place : tensors) {
    tensor_[place.tensor] = Combine(Combine(ShapeHash(place.tensor), place.dim), place.outer) | 1;
  }
  for (int round = 0; round < kRounds; ++round) Refine(factors, tensors);
  uint64_t sum = Combine(factors.size(), tensors.size());
  for (const FactorId factor : factors) {
    uint64_t& hash = node_[wiring_.factor(factor).node];
    sum += Mix(hash);
    hash = 0;
  }
  for (const TensorDim& place : tensors) {
    sum += Mix(tensor_[place.tensor] ^ 2);
    tensor_[place.tensor] = 0;
  }
  return sum;
}

}  // namespace automap
