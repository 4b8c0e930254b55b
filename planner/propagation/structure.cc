#include "planner/propagation/structure.h"

#include <map>
#include <tuple>
#include <utility>

#include "planner/propagation/isomorphism.h"

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
      tensor_(wiring.graph().tensor_count(), 0),
      node_(wiring.graph().node_count(), 0),
      more_tensor_(wiring.graph().tensor_count(), 0),
      more_node_(wiring.graph().node_count(), 0) {}

uint64_t StructureHasher::NodeHash(FactorId factor) {
  const Graph& graph = wiring_.graph();
  const NodeId node = wiring_.factor(factor).node;
  uint64_t hash =
      Combine(static_cast<uint64_t>(graph.node(node).opcode), factor - wiring_.factor_begin(node));
  hash = Combine(hash, graph.node(node).trips);
  for (const TensorId tensor : graph.operands(node))
    hash = Combine(hash, graph.shape_number(tensor));
  for (const TensorId tensor : graph.results(node))
    hash = Combine(hash, graph.shape_number(tensor));
  return hash | 1;
}

// Sums over neighbours do not depend on their order, which differs between copies.
void StructureHasher::Refine(const Piece& piece) {
  const Graph& graph = wiring_.graph();
  for (const FactorId factor : piece.factors) {
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
  for (const FactorId factor : piece.factors) {
    const NodeId node = wiring_.factor(factor).node;
    node_[node] = (node_[node] + more_node_[node]) | 1;
    more_node_[node] = 0;
  }
  for (const TensorDim& place : piece.tensors) {
    tensor_[place.tensor] = (tensor_[place.tensor] + more_tensor_[place.tensor]) | 1;
    more_tensor_[place.tensor] = 0;
  }
}

uint64_t StructureHasher::Fingerprint(const Piece& piece) {
  for (const FactorId factor : piece.factors) node_[wiring_.factor(factor).node] = NodeHash(factor);
  for (const TensorDim& place : piece.tensors) {
    tensor_[place.tensor] =
        Combine(Combine(wiring_.graph().shape_number(place.tensor), place.dim), place.outer) | 1;
  }
  for (int round = 0; round < kRounds; ++round) Refine(piece);
  uint64_t sum = Combine(piece.factors.size(), piece.tensors.size());
  for (const FactorId factor : piece.factors) {
    uint64_t& hash = node_[wiring_.factor(factor).node];
    sum += Mix(hash);
    hash = 0;
  }
  for (const TensorDim& place : piece.tensors) {
    sum += Mix(tensor_[place.tensor] ^ 2);
    tensor_[place.tensor] = 0;
  }
  return sum;
}

std::vector<int32_t> NumberStructures(const Wiring& wiring, absl::Span<const Piece> pieces,
                                      const std::function<uint64_t(const Piece&)>& fingerprint) {
  using Sizes = std::tuple<size_t, size_t, size_t>;
  const auto sizes_of = [](const Piece& piece) {
    return Sizes(piece.factors.size(), piece.tensors.size(), piece.cuts.size());
  };
  std::map<Sizes, int32_t> of_these_sizes;
  for (const Piece& piece : pieces) ++of_these_sizes[sizes_of(piece)];
  std::map<std::pair<Sizes, uint64_t>, std::vector<int32_t>> buckets;
  StructureHasher hasher(wiring);
  for (size_t p = 0; p < pieces.size(); ++p) {
    const Sizes sizes = sizes_of(pieces[p]);
    uint64_t hash = 0;
    if (of_these_sizes[sizes] > 1)
      hash = fingerprint ? fingerprint(pieces[p]) : hasher.Fingerprint(pieces[p]);
    buckets[{sizes, hash}].push_back(static_cast<int32_t>(p));
  }
  // By piece the first one that it is a copy of.
  std::vector<int32_t> first(pieces.size(), -1);
  PieceMatcher matcher(wiring);
  for (const auto& [key, bucket] : buckets) {
    for (size_t i = 0; i < bucket.size(); ++i) {
      if (first[bucket[i]] >= 0) continue;
      first[bucket[i]] = bucket[i];
      if (i + 1 < bucket.size()) matcher.SetPattern(pieces[bucket[i]]);
      for (size_t j = i + 1; j < bucket.size(); ++j) {
        if (first[bucket[j]] < 0 && matcher.Matches(pieces[bucket[j]]))
          first[bucket[j]] = bucket[i];
      }
    }
  }
  std::vector<int32_t> number(pieces.size());
  int32_t next = 0;
  for (size_t p = 0; p < pieces.size(); ++p)
    number[p] = first[p] == static_cast<int32_t>(p) ? next++ : number[first[p]];
  return number;
}

}  // namespace automap
