// What an operation is, as data: which dimensions of its operands and results belong together.
//
// A factor is one loop of the operation (a batch, a contracted dimension, ...). Each dimension of
// each operand and result belongs to at most one factor; splitting the factor n ways splits all of
// them n ways. A dimension that is made of several factors (a merging reshape) is described by its
// major one, which is the only one that a split in equal contiguous blocks can cut.
//
// Worked example: dot f32[8,4] x f32[4,6] -> f32[8,6] has the factors m (8, pass), n (6, pass), k
// (4, sum) and the dims {m, k}, {k, n} -> {m, n}. Split k, and every device has a partial result of
// [8,6] that is then all-reduced.
#pragma once

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "planner/graph/graph.h"

namespace automap {

enum class FactorKind : uint8_t {
  kPass,  // every device works on its own block: no communication
  kSum,   // results without the factor are partial and are all-reduced with the operation's reducer
  kHalo,  // blocks need their neighbours' borders: a conflict in strict propagation; lives in
          // operands only
};

struct Factor {
  FactorKind kind = FactorKind::kPass;
  // A split must divide it. The greatest common divisor over the dimensions that it is the major
  // factor of.
  int64_t size = 1;
  bool operator==(const Factor&) const = default;
};

// The dimension belongs to no factor: it must stay whole.
inline constexpr int16_t kWhole = -1;

struct FactorRule {
  absl::InlinedVector<Factor, 4> factors;
  // The factor of each dimension, or kWhole: operand 0's dimensions, operand 1's, ..., then the
  // results'.
  absl::InlinedVector<int16_t, 16> dims;
  bool operator==(const FactorRule&) const = default;
};

// Writes a rule: first the factors, then where they live. Places are (slot, dim); slots count the
// operands, then the results.
class FactorRuleBuilder {
 public:
  FactorRuleBuilder(const Graph& graph, NodeId node);

  int operand_count() const { return operand_count_; }
  int result_slot(int result = 0) const { return operand_count_ + result; }
  int result_count() const { return static_cast<int>(tensors_.size()) - operand_count_; }
  TensorId tensor_id(int slot) const { return tensors_[slot]; }
  int slot_count() const { return static_cast<int>(tensors_.size()); }
  const Tensor& tensor(int slot) const { return graph_.tensor(tensors_[slot]); }
  int64_t size(int slot, int64_t dim) const { return tensor(slot).dims[dim]; }
  int rank(int slot) const { return tensor(slot).rank; }
  const Graph& graph() const { return graph_; }
  // Of a bitcast: the operand with its layout.
  const xla::ShapeProto& bitcast_source() const { return *graph_.bitcast_source(node_); }
  const xla::HloInstructionProto& instruction() const { return instruction_; }

  struct Place {
    int slot;
    int64_t dim;
  };
  // A factor that is the major one at all `places`. Dimensions of size 1 carry nothing; with none
  // left, there is no factor.
  void Add(FactorKind kind, absl::Span<const Place> places) { AddOfSize(kind, 0, places); }
  // As above, where the major factor is smaller than the dimensions: a split must divide `size`,
  // too.
  void AddOfSize(FactorKind kind, int64_t size, absl::Span<const Place> places);
  FactorRule Build() && { return std::move(rule_); }

 private:
  const Graph& graph_;
  const NodeId node_;
  const xla::HloInstructionProto& instruction_;
  absl::InlinedVector<TensorId, 4> tensors_;
  absl::InlinedVector<int32_t, 4> dims_begin_;
  int operand_count_ = 0;
  FactorRule rule_;
};

}  // namespace automap
