// The dataflow graph of a training step: dense nodes and tensors, with every call, fusion, loop
// body and branch entered, so that a decision on one array can be followed everywhere it goes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "planner/hlo/opcode.h"
#include "planner/hlo/read_module.h"

namespace automap {

// Dense indices, from 0. -1 where there is none.
using NodeId = int32_t;
using TensorId = int32_t;
using CallSiteId = int32_t;

// One array. Scalars have no dims.
struct Tensor {
  const int64_t* dims = nullptr;  // sizes, major first; lives in the module
  uint8_t rank = 0;
  uint8_t type = 0;         // xla::PrimitiveType
  bool is_free = false;     // depends on no entry parameter: any reader may take any slice of it
  bool is_dynamic = false;  // has a dimension whose size is known at run time only; never split
  NodeId producer = -1;     // the first one; -1 for entry parameters

  absl::Span<const int64_t> shape() const { return {dims, rank}; }
};

// One operation at one call site. Tuples, get-tuple-element, calls and barriers are no nodes, only
// other names of the same tensors. A loop contributes two identity nodes for each carried array
// (opcode kWhile): initial value to carried array, and the body's result to carried array; a
// conditional one for each branch and result (kConditional).
struct Node {
  const xla::HloInstructionProto* instruction = nullptr;
  Opcode opcode = Opcode::kUnknown;
  bool is_live = true;  // a result needs it; what XLA would remove takes no part in a plan
  CallSiteId call_site = 0;
  int64_t trips = 1;  // executions per step: product of the trip counts of the loops around it
  int32_t operands_begin = 0, results_begin = 0;
};

// A computation entered from somewhere. Site 0 is the entry computation.
struct CallSite {
  CallSiteId parent = -1;
  const xla::HloInstructionProto* caller = nullptr;
};

// An array leaf of an entry parameter or of the result.
struct Leaf {
  int32_t number = 0;       // parameter number, or index of the result tuple's element
  int32_t leaf_index = -1;  // within a tuple-shaped one; -1 for an array
  TensorId tensor = -1;
  std::string name;  // path in the user's program, else the instruction's name
};

// Immutable after BuildGraph. Nodes are in an order in which operands come before readers, loops
// aside.
class Graph {
 public:
  int32_t node_count() const { return static_cast<int32_t>(nodes_.size()); }
  int32_t tensor_count() const { return static_cast<int32_t>(tensors_.size()); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  const Tensor& tensor(TensorId id) const { return tensors_[id]; }
  absl::Span<const TensorId> operands(NodeId id) const {
    return Range(operands_, nodes_[id].operands_begin, EndOf(id, &Node::operands_begin, operands_));
  }
  absl::Span<const TensorId> results(NodeId id) const {
    return Range(results_, nodes_[id].results_begin, EndOf(id, &Node::results_begin, results_));
  }
  // Nodes that read a tensor, once for each operand place, in node order.
  absl::Span<const NodeId> readers(TensorId id) const {
    return Range(readers_, reader_begin_[id], reader_begin_[id + 1]);
  }

  // A number for each type with dims that arrays have; equal for equal arrays.
  int32_t shape_number(TensorId id) const { return shape_numbers_[id]; }

  const std::vector<Leaf>& parameters() const { return parameters_; }
  const std::vector<Leaf>& outputs() const { return outputs_; }
  // For each output leaf the index in parameters() that it is declared to replace, or -1.
  const std::vector<int32_t>& declared_aliases() const { return declared_aliases_; }
  const HloModule& module() const { return module_; }
  const CallSite& call_site(CallSiteId id) const { return call_sites_[id]; }
  // The operand of a bitcast node with its layout in memory.
  const xla::ShapeProto* bitcast_source(NodeId id) const;
  // Opcodes and custom-call targets that were entered as opaque boxes, and loops of unknown length;
  // for reports.
  const std::vector<std::string>& remarks() const { return remarks_; }

  // The outermost of the calls around a node that have one of the opcodes, or null. O(depth).
  const xla::HloInstructionProto* OutermostCaller(
      NodeId id, std::initializer_list<absl::string_view> opcodes) const;
  // Where a node is, "main/call.12/add.7". O(depth).
  std::string Path(NodeId id) const;
  // The framework's name with the names of the calls around it, "jit(step)/encoder/mul". O(depth).
  std::string EffectiveName(NodeId id) const;
  // The computation that an operation applies (reducer, comparator), or null.
  const ComputationIndex* Callee(const xla::HloInstructionProto& instruction, int index) const {
    return module_.index.Callee(instruction, index);
  }

 private:
  friend class GraphBuilder;
  template <typename T>
  static absl::Span<const T> Range(const std::vector<T>& all, int32_t begin, int32_t end) {
    return absl::MakeConstSpan(all).subspan(begin, end - begin);
  }
  int32_t EndOf(NodeId id, int32_t Node::*begin, const std::vector<TensorId>& all) const {
    return id + 1 < node_count() ? nodes_[id + 1].*begin : static_cast<int32_t>(all.size());
  }

  HloModule module_;
  std::vector<Node> nodes_;
  std::vector<Tensor> tensors_;
  std::vector<int32_t> shape_numbers_;  // by tensor
  std::vector<TensorId> operands_, results_;
  std::vector<int32_t> reader_begin_;
  std::vector<NodeId> readers_;
  std::vector<CallSite> call_sites_;
  std::vector<Leaf> parameters_, outputs_;
  std::vector<int32_t> declared_aliases_;
  std::vector<std::string> remarks_;
  std::vector<std::pair<NodeId, const xla::ShapeProto*>> bitcast_sources_;  // in node order
};

}  // namespace automap
