// Whether two pieces of a graph are copies of each other: not by a hash, but by a mapping.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "planner/propagation/cuts.h"
#include "planner/propagation/structure.h"

namespace automap {

// Not thread-safe. O(graph) memory.
class PieceMatcher {
 public:
  explicit PieceMatcher(const Wiring& wiring);

  // The piece that others are compared with from now on; it must outlive this.
  void SetPattern(const Piece& pattern);

  // Whether a one-to-one mapping from the pattern's operations and arrays to those of `other` was
  // found under which
  //   - operations are the same (SameOperation) and select the same factor in the same way;
  //   - arrays have the same type, dims and split, and enter or leave the step alike;
  //   - operations read and make mapped arrays at the same places, and arrays outside of the piece
  //     where the others do;
  //   - new values replace mapped parameters, and cuts are at mapped places.
  //
  // The mapping grows from one array along what reads and makes it; readers that look alike are
  // taken in the order of the graph, which copies of a layer share. Where that order is another
  // one, the answer is no, although the pieces might be copies. O(pieces x tries).
  bool Matches(const Piece& other);

 private:
  // A piece by node and tensor: the place in its lists, -1 outside.
  struct Places {
    std::vector<int32_t> node, tensor;
  };
  // What an operation does with an array that it reads, before the operation itself is looked at:
  // where among its operands' dims it reads it, and which of its factors is selected.
  struct Reading {
    int32_t place = 0;
    Opcode opcode = Opcode::kUnknown;
    int32_t selected = 0;
    NodeId node = -1;
    auto key() const { return std::tie(place, opcode, selected); }
    bool operator<(const Reading& other) const {
      return key() != other.key() ? key() < other.key() : node < other.node;
    }
  };
  void ListReaders(TensorId tensor, const Places& places, const Piece& piece,
                   std::vector<Reading>& readings) const;
  void Place(const Piece& piece, Places& places) const;
  void Displace(const Piece& piece, Places& places) const;
  bool MatchFrom(TensorId start);
  bool Grow();
  bool MatchTensors(TensorId a, TensorId b);
  bool MatchNodes(NodeId a, NodeId b);
  bool SameSelection(NodeId a, NodeId b) const;
  bool MatchReaders(TensorId a, TensorId b);
  bool MatchSlots(absl::Span<const TensorId> a, absl::Span<const TensorId> b);
  bool SameCuts() const;
  void Forget();

  const Wiring& wiring_;
  const Graph& graph_;
  const Piece* pattern_ = nullptr;
  const Piece* other_ = nullptr;
  Places of_pattern_, of_other_;
  // By place in the pattern's lists what it is mapped to, -1: nothing yet; and the inverse.
  std::vector<int32_t> node_image_, tensor_image_, node_source_, tensor_source_;
  std::vector<TensorId> tensors_to_do_;  // of the pattern, mapped, their readers not yet
  std::vector<NodeId> nodes_to_do_;
  size_t mapped_ = 0;
  std::vector<Reading> from_, to_;
};

}  // namespace automap
