#include "planner/graph/build_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/graph/live_nodes.h"
#include "planner/graph/trip_count.h"
#include "planner/hlo/check_shapes.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Computation = xla::HloComputationProto;

constexpr int kMaxCallDepth = 200;

int64_t LeafCount(const xla::ShapeProto& shape) {
  if (shape.element_type() != xla::TUPLE) return 1;
  int64_t count = 0;
  for (const auto& element : shape.tuple_shapes()) count += LeafCount(element);
  return count;
}

void AppendLeaves(const xla::ShapeProto& shape, std::vector<const xla::ShapeProto*>& leaves) {
  if (shape.element_type() != xla::TUPLE) return leaves.push_back(&shape);
  for (const auto& element : shape.tuple_shapes()) AppendLeaves(element, leaves);
}

std::vector<const xla::ShapeProto*> Leaves(const xla::ShapeProto& shape) {
  std::vector<const xla::ShapeProto*> leaves;
  AppendLeaves(shape, leaves);
  return leaves;
}

// First leaf and number of leaves of element `index` of a tuple.
std::pair<int64_t, int64_t> LeafRange(const xla::ShapeProto& tuple, int64_t index,
                                      int64_t leaf_total) {
  if (leaf_total ==
      tuple.tuple_shapes_size()) {  // no nested tuples, or they cancel out: check the element
    bool flat = true;
    for (const auto& element : tuple.tuple_shapes()) flat &= element.element_type() != xla::TUPLE;
    if (flat) return {index, 1};
  }
  int64_t begin = 0;
  for (int64_t i = 0; i < index; ++i) begin += LeafCount(tuple.tuple_shapes(i));
  return {begin, LeafCount(tuple.tuple_shapes(index))};
}

}  // namespace

// Enters computations one call site at a time. The value of an instruction is the list of its array
// leaves.
class GraphBuilder {
 public:
  GraphBuilder(HloModule module, const ValueVisitor& visit, int64_t max_nodes)
      : visit_(visit), max_nodes_(max_nodes) {
    graph_.module_ = std::move(module);
  }

  absl::StatusOr<Graph> Build() {
    const ModuleIndex& index = graph_.module_.index;
    const ComputationIndex& entry = index.computations[index.entry];
    graph_.call_sites_.push_back({});
    std::vector<Value> arguments = EntryArguments(entry);
    ASSIGN_OR_RETURN(const Value result, Enter(entry, arguments, 0, 1, 0));
    AddOutputs(entry.instruction(entry.root).shape(), result);
    AddDeclaredAliases();
    IndexReaders();
    MarkFreeTensors();
    const std::vector<bool> is_live = LiveNodes(graph_, controls_);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      graph_.nodes_[node].is_live = is_live[node];
    }
    graph_.remarks_.assign(remarks_.begin(), remarks_.end());
    ShrinkToFit();
    return std::move(graph_);
  }

 private:
  using Value = std::vector<TensorId>;

  TensorId AddTensor(const xla::ShapeProto& shape, NodeId producer) {
    Tensor tensor;
    tensor.dims = reinterpret_cast<const int64_t*>(shape.dimensions().data());
    tensor.rank = shape.dimensions_size();
    tensor.type = shape.element_type();
    tensor.producer = producer;
    for (const bool dynamic : shape.is_dynamic_dimension()) tensor.is_dynamic |= dynamic;
    graph_.tensors_.push_back(tensor);
    graph_.shape_numbers_.push_back(
        shapes_.try_emplace({tensor.type, tensor.shape()}, shapes_.size()).first->second);
    return graph_.tensor_count() - 1;
  }

  std::vector<Value> EntryArguments(const ComputationIndex& entry) {
    std::vector<const Instruction*> parameters;
    for (const int32_t parameter : entry.parameters) {
      parameters.push_back(&entry.instruction(parameter));
    }
    // Some producers give every parameter the same name in the metadata; then the instruction's
    // tells more.
    std::map<std::string, int> uses;
    for (const Instruction* parameter : parameters) ++uses[parameter->metadata().op_name()];
    std::vector<Value> arguments;
    for (const Instruction* parameter : parameters) {
      Value& value = arguments.emplace_back();
      const bool is_tuple = parameter->shape().element_type() == xla::TUPLE;
      const std::string& op_name = parameter->metadata().op_name();
      const std::string& path = uses[op_name] == 1 ? op_name : parameter->name();
      for (const xla::ShapeProto* leaf : Leaves(parameter->shape())) {
        const int32_t index = is_tuple ? static_cast<int32_t>(value.size()) : -1;
        value.push_back(AddTensor(*leaf, -1));
        graph_.parameters_.push_back({static_cast<int32_t>(parameter->parameter_number()), index,
                                      value.back(), path.empty() ? parameter->name() : path});
      }
    }
    return arguments;
  }

  // The values of all instructions of a computation at one call site.
  struct Frame {
    std::vector<int32_t> begin;  // per instruction
    Value leaves;
    absl::Span<const TensorId> of(int32_t index) const {
      return absl::MakeConstSpan(leaves).subspan(begin[index], begin[index + 1] - begin[index]);
    }
    void AppendFrom(int32_t first, int32_t last) {
      for (int32_t i = first; i < last; ++i) leaves.push_back(TensorId{leaves[i]});
    }
  };

  // Appends the nodes of `body` called with `arguments`, and returns the value of its root.
  absl::StatusOr<Value> Enter(const ComputationIndex& body, absl::Span<const Value> arguments,
                              CallSiteId site, int64_t trips, int depth) {
    if (depth > kMaxCallDepth) {
      return absl::ResourceExhaustedError(absl::StrCat("module: calls nested deeper than ",
                                                       kMaxCallDepth, " at ", body.proto->name()));
    }
    Frame frame;
    frame.begin.reserve(body.size() + 1);
    for (int32_t i = 0; i < body.size(); ++i) {
      frame.begin.push_back(frame.leaves.size());
      if (body.opcodes[i] == Opcode::kParameter) {
        const Value& argument = arguments[body.instruction(i).parameter_number()];
        frame.leaves.insert(frame.leaves.end(), argument.begin(), argument.end());
      } else {
        RETURN_IF_ERROR(Evaluate(body, i, {site, trips, depth}, frame));
      }
      if (visit_) visit_(body, i, absl::MakeConstSpan(frame.leaves).subspan(frame.begin[i]));
    }
    frame.begin.push_back(frame.leaves.size());
    const auto root = frame.of(body.root);
    return Value(root.begin(), root.end());
  }

  struct Place {
    CallSiteId site;
    int64_t trips;
    int depth;
  };

  // Appends the value of an instruction to the frame: other names of tensors that are there, or new
  // nodes' results.
  absl::Status Evaluate(const ComputationIndex& body, int32_t i, Place place, Frame& frame) {
    const Instruction& instruction = body.instruction(i);
    const auto operands = body.operands_of(i);
    const auto value_of = [&](int32_t index) {
      const auto leaves = frame.of(index);
      return Value(leaves.begin(), leaves.end());
    };
    const auto values = [&] {
      std::vector<Value> each;
      for (const int32_t operand : operands) each.push_back(value_of(operand));
      return each;
    };
    const auto append = [&](const absl::StatusOr<Value>& value) {
      if (value.ok()) frame.leaves.insert(frame.leaves.end(), value->begin(), value->end());
      return value.status();
    };
    switch (body.opcodes[i]) {
      case Opcode::kTuple:
      case Opcode::kOptBarrier:
        for (const int32_t operand : operands)
          frame.AppendFrom(frame.begin[operand], frame.begin[operand + 1]);
        return absl::OkStatus();
      case Opcode::kDomain:
      case Opcode::kAddDependency:
        frame.AppendFrom(frame.begin[operands[0]], frame.begin[operands[0] + 1]);
        return absl::OkStatus();
      case Opcode::kGetTupleElement: {
        const int32_t first = frame.begin[operands[0]];
        const auto [begin, count] =
            LeafRange(body.instruction(operands[0]).shape(), instruction.tuple_index(),
                      frame.begin[operands[0] + 1] - first);
        frame.AppendFrom(first + begin, first + begin + count);
        return absl::OkStatus();
      }
      case Opcode::kCopy:
        if (instruction.shape().element_type() != xla::TUPLE ||
            !SameShape(instruction.shape(), body.instruction(operands[0]).shape())) {
          return AddNode(instruction, body.opcodes[i], operands, place, frame);
        }
        frame.AppendFrom(frame.begin[operands[0]], frame.begin[operands[0] + 1]);
        return absl::OkStatus();
      case Opcode::kAsyncUpdate:
      case Opcode::kAllReduceDone:
      case Opcode::kCopyDone:
      case Opcode::kAllGatherDone:
      case Opcode::kCollectivePermuteDone:
      case Opcode::kAsyncDone:
      case Opcode::kSendDone:
      case Opcode::kRecvDone:
        if (AppendFinished(body, i, frame)) return absl::OkStatus();
        return AddNode(instruction, body.opcodes[i], operands, place, frame);
      case Opcode::kAsyncStart:
        return EnterAsync(body, i, values(), place, frame);
      case Opcode::kBitcast:
        graph_.bitcast_sources_.emplace_back(graph_.node_count(),
                                             &body.instruction(operands[0]).shape());
        return AddNode(instruction, body.opcodes[i], operands, place, frame);
      case Opcode::kCall:
      case Opcode::kFusion:
        return append(EnterCallee(instruction, 0, values(), place, place.trips));
      case Opcode::kWhile:
        return append(EnterLoop(body, i, value_of(operands[0]), place));
      case Opcode::kConditional:
        return append(EnterBranches(instruction, values(), place));
      default:
        return AddNode(instruction, body.opcodes[i], operands, place, frame);
    }
  }

  // The elements of a started operation's tuple that its end hands on.
  static std::vector<int> FinishedElements(Opcode opcode) {
    switch (opcode) {
      case Opcode::kCopyDone:
        return {0};
      case Opcode::kAllGatherDone:
      case Opcode::kCollectivePermuteDone:
      case Opcode::kAsyncDone:
        return {1};
      case Opcode::kRecvDone:
        return {0, 2};
      case Opcode::kSendDone:
        return {2};
      default:
        return {};
    }
  }

  // The value of the end of an operation in two halves: a part of what the first half gave. False
  // if the shapes do not fit; then it is opaque.
  static bool AppendFinished(const ComputationIndex& body, int32_t i, Frame& frame) {
    const int32_t operand = body.operands_of(i)[0];
    const int32_t first = frame.begin[operand];
    const xla::ShapeProto &from = body.instruction(operand).shape(),
                          &to = body.instruction(i).shape();
    const std::vector<int> elements = FinishedElements(body.opcodes[i]);
    if (elements.empty()) {
      if (!SameShape(from, to)) return false;
      frame.AppendFrom(first, frame.begin[operand + 1]);
      return true;
    }
    for (size_t e = 0; e < elements.size(); ++e) {
      const xla::ShapeProto& part =
          elements.size() > 1 && static_cast<int>(e) < to.tuple_shapes_size()
              ? to.tuple_shapes(static_cast<int>(e))
              : to;
      if (elements[e] >= from.tuple_shapes_size() ||
          !SameShape(from.tuple_shapes(elements[e]), part)) {
        return false;
      }
    }
    for (const int element : elements) {
      const auto [begin, count] = LeafRange(from, element, frame.begin[operand + 1] - first);
      frame.AppendFrom(first + begin, first + begin + count);
    }
    return true;
  }

  // async-start: ((operands), result, context). Opaque if its shape is another.
  absl::Status EnterAsync(const ComputationIndex& body, int32_t i,
                          const std::vector<Value>& operands, Place place, Frame& frame) {
    const Instruction& instruction = body.instruction(i);
    const xla::ShapeProto& shape = instruction.shape();
    const ComputationIndex* callee = graph_.Callee(instruction, 0);
    bool fits = shape.tuple_shapes_size() >= 2 && callee != nullptr &&
                callee->parameters.size() == operands.size() &&
                shape.tuple_shapes(0).tuple_shapes_size() == static_cast<int>(operands.size()) &&
                SameShape(callee->instruction(callee->root).shape(), shape.tuple_shapes(1));
    for (size_t o = 0; fits && o < operands.size(); ++o) {
      const xla::ShapeProto& operand = body.instruction(body.operands_of(i)[o]).shape();
      fits = SameShape(operand, shape.tuple_shapes(0).tuple_shapes(static_cast<int>(o))) &&
             SameShape(operand, callee->instruction(callee->parameters[o]).shape());
    }
    if (!fits) return AddNode(instruction, body.opcodes[i], body.operands_of(i), place, frame);
    for (const Value& operand : operands) {
      frame.leaves.insert(frame.leaves.end(), operand.begin(), operand.end());
    }
    ASSIGN_OR_RETURN(const Value result, EnterCallee(instruction, 0, operands, place, place.trips));
    frame.leaves.insert(frame.leaves.end(), result.begin(), result.end());
    for (int rest = 2; rest < shape.tuple_shapes_size(); ++rest) {
      for (const xla::ShapeProto* leaf : Leaves(shape.tuple_shapes(rest))) {
        frame.leaves.push_back(AddTensor(*leaf, -1));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Value> EnterCallee(const Instruction& caller, int index,
                                    absl::Span<const Value> arguments, Place place, int64_t trips) {
    const CallSiteId site = graph_.call_sites_.size();
    graph_.call_sites_.push_back({place.site, &caller});
    return Enter(*graph_.Callee(caller, index), arguments, site, trips, place.depth + 1);
  }

  // Carried arrays that the body hands on unchanged are the initial ones under another name. Every
  // other one is a tensor of its own with two producers: the initial value and the body's result.
  absl::StatusOr<Value> EnterLoop(const ComputationIndex& outer, int32_t position,
                                  const Value& initial, Place place) {
    const Instruction& loop = outer.instruction(position);
    const ComputationIndex& body = *graph_.Callee(loop, 0);
    const ComputationIndex& condition = *graph_.Callee(loop, 1);
    const auto trips = TripCount(outer, position, condition);
    if (!trips)
      remarks_.insert(absl::StrCat("while ", loop.name(), ": trip count unknown, counted once"));
    const int64_t inner_trips = place.trips * std::max<int64_t>(1, trips.value_or(1));
    const std::vector<bool> unchanged = UnchangedLeaves(body, initial.size());
    const auto shapes = Leaves(loop.shape());
    Value carried(initial.size());
    for (size_t leaf = 0; leaf < initial.size(); ++leaf) {
      carried[leaf] = initial[leaf];
      if (unchanged[leaf]) continue;
      carried[leaf] = AddTensor(*shapes[leaf], graph_.node_count());
      RETURN_IF_ERROR(AddIdentity(loop, Opcode::kWhile, initial[leaf], carried[leaf], place));
    }
    ASSIGN_OR_RETURN(const Value goes_on, EnterCallee(loop, 1, {carried}, place, inner_trips));
    controls_.insert(controls_.end(), goes_on.begin(), goes_on.end());
    ASSIGN_OR_RETURN(const Value next, EnterCallee(loop, 0, {carried}, place, inner_trips));
    for (size_t leaf = 0; leaf < initial.size(); ++leaf) {
      if (unchanged[leaf]) continue;
      RETURN_IF_ERROR(AddIdentity(loop, Opcode::kWhile, next[leaf], carried[leaf],
                                  {place.site, inner_trips, 0}));
    }
    return carried;
  }

  static std::vector<bool> UnchangedLeaves(const ComputationIndex& body, size_t leaf_count) {
    std::vector<bool> unchanged(leaf_count, false);
    if (body.opcodes[body.root] != Opcode::kTuple) return unchanged;
    const auto elements = body.operands_of(body.root);
    if (elements.size() != leaf_count) return unchanged;  // nested tuples: carried as they are
    for (size_t i = 0; i < leaf_count; ++i) {
      const int32_t element = elements[i];
      if (body.opcodes[element] != Opcode::kGetTupleElement) continue;
      unchanged[i] = body.opcodes[body.operands_of(element)[0]] == Opcode::kParameter &&
                     body.instruction(element).tuple_index() == static_cast<int64_t>(i);
    }
    return unchanged;
  }

  // Every branch's result goes into the same result tensors, by an identity node each.
  absl::StatusOr<Value> EnterBranches(const Instruction& conditional,
                                      absl::Span<const Value> arguments, Place place) {
    Value results;
    controls_.insert(controls_.end(), arguments[0].begin(), arguments[0].end());
    const auto shapes = Leaves(conditional.shape());
    for (int branch = 0; branch < conditional.called_computation_ids_size(); ++branch) {
      ASSIGN_OR_RETURN(const Value value, EnterCallee(conditional, branch, {arguments[branch + 1]},
                                                      place, place.trips));
      for (size_t leaf = 0; leaf < shapes.size(); ++leaf) {
        if (branch == 0) results.push_back(AddTensor(*shapes[leaf], graph_.node_count()));
        RETURN_IF_ERROR(
            AddIdentity(conditional, Opcode::kConditional, value[leaf], results[leaf], place));
      }
    }
    return results;
  }

  absl::Status AddIdentity(const Instruction& instruction, Opcode opcode, TensorId from,
                           TensorId to, Place place) {
    RETURN_IF_ERROR(BeginNode(instruction, opcode, place));
    graph_.operands_.push_back(from);
    graph_.results_.push_back(to);
    return absl::OkStatus();
  }

  absl::Status BeginNode(const Instruction& instruction, Opcode opcode, Place place) {
    if (graph_.node_count() >= max_nodes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("module: more than ", max_nodes_, " nodes once calls are entered"));
    }
    graph_.nodes_.push_back({&instruction, opcode, true, place.site, place.trips,
                             static_cast<int32_t>(graph_.operands_.size()),
                             static_cast<int32_t>(graph_.results_.size())});
    return absl::OkStatus();
  }

  absl::Status AddNode(const Instruction& instruction, Opcode opcode,
                       absl::Span<const int32_t> operands, Place place, Frame& frame) {
    RETURN_IF_ERROR(BeginNode(instruction, opcode, place));
    const NodeId id = graph_.node_count() - 1;
    for (const int32_t operand : operands) {
      const auto leaves = frame.of(operand);
      graph_.operands_.insert(graph_.operands_.end(), leaves.begin(), leaves.end());
    }
    const auto add = [&](const xla::ShapeProto& leaf) {
      frame.leaves.push_back(AddTensor(leaf, id));
      graph_.results_.push_back(frame.leaves.back());
    };
    if (instruction.shape().element_type() != xla::TUPLE) {
      add(instruction.shape());
    } else {
      for (const xla::ShapeProto* leaf : Leaves(instruction.shape())) add(*leaf);
    }
    return absl::OkStatus();
  }

  void AddOutputs(const xla::ShapeProto& shape, const Value& result) {
    const bool is_tuple = shape.element_type() == xla::TUPLE;
    const int count = is_tuple ? shape.tuple_shapes_size() : 1;
    size_t leaf = 0;
    for (int number = 0; number < count; ++number) {
      const xla::ShapeProto& element = is_tuple ? shape.tuple_shapes(number) : shape;
      const int64_t leaves = LeafCount(element);
      for (int32_t index = 0; index < leaves; ++index, ++leaf) {
        const bool nested = element.element_type() == xla::TUPLE;
        graph_.outputs_.push_back(
            {number, nested ? index : -1, result[leaf], absl::StrCat("output ", number)});
      }
    }
  }

  void AddDeclaredAliases() {
    graph_.declared_aliases_.assign(graph_.outputs_.size(), -1);
    for (const auto& entry : graph_.module_.proto->input_output_alias().entries()) {
      const auto& place = entry.parameter_shape_index();
      const int32_t parameter =
          FindLeaf(graph_.parameters_, entry.parameter_number(), place.size() > 0 ? place[0] : -1);
      const auto& index = entry.output_shape_index();
      const int32_t output = FindLeaf(graph_.outputs_, index.size() > 0 ? index[0] : 0,
                                      index.size() > 1 ? index[1] : -1);
      if (parameter < 0 || output < 0) continue;
      const Tensor& from = graph_.tensor(graph_.outputs_[output].tensor);
      const Tensor& to = graph_.tensor(graph_.parameters_[parameter].tensor);
      if (from.type == to.type && from.shape() == to.shape())
        graph_.declared_aliases_[output] = parameter;
    }
  }

  // Leaves are in the order of (number, leaf_index).
  static int32_t FindLeaf(const std::vector<Leaf>& leaves, int64_t number, int64_t leaf_index) {
    const auto found = std::lower_bound(
        leaves.begin(), leaves.end(), std::make_pair(number, leaf_index),
        [](const Leaf& leaf, const std::pair<int64_t, int64_t>& key) {
          return std::make_pair<int64_t, int64_t>(leaf.number, leaf.leaf_index) < key;
        });
    const bool is_it =
        found != leaves.end() && found->number == number && found->leaf_index == leaf_index;
    return is_it ? static_cast<int32_t>(found - leaves.begin()) : -1;
  }

  void IndexReaders() {
    graph_.reader_begin_.assign(graph_.tensor_count() + 1, 0);
    for (const TensorId tensor : graph_.operands_) ++graph_.reader_begin_[tensor + 1];
    for (int32_t i = 0; i < graph_.tensor_count(); ++i)
      graph_.reader_begin_[i + 1] += graph_.reader_begin_[i];
    graph_.readers_.resize(graph_.operands_.size());
    std::vector<int32_t> next(graph_.reader_begin_.begin(), graph_.reader_begin_.end() - 1);
    for (NodeId id = 0; id < graph_.node_count(); ++id) {
      for (const TensorId tensor : graph_.operands(id)) graph_.readers_[next[tensor]++] = id;
    }
  }

  void MarkFreeTensors() {
    std::vector<TensorId> queue;
    for (Tensor& tensor : graph_.tensors_) tensor.is_free = true;
    const auto bind = [&](TensorId tensor) {
      if (!graph_.tensors_[tensor].is_free) return;
      graph_.tensors_[tensor].is_free = false;
      queue.push_back(tensor);
    };
    for (const Leaf& parameter : graph_.parameters_) bind(parameter.tensor);
    while (!queue.empty()) {
      const TensorId tensor = queue.back();
      queue.pop_back();
      for (const NodeId reader : graph_.readers(tensor)) {
        for (const TensorId result : graph_.results(reader)) bind(result);
      }
    }
  }

  // What grew element by element has up to twice the room.
  void ShrinkToFit() {
    graph_.nodes_.shrink_to_fit();
    graph_.tensors_.shrink_to_fit();
    graph_.shape_numbers_.shrink_to_fit();
    graph_.operands_.shrink_to_fit();
    graph_.results_.shrink_to_fit();
  }

  Graph graph_;
  absl::flat_hash_map<std::pair<uint8_t, absl::Span<const int64_t>>, int32_t> shapes_;
  const ValueVisitor& visit_;
  const int64_t max_nodes_;
  std::vector<TensorId> controls_;  // what loops and branches test
  std::set<std::string> remarks_;
};

absl::StatusOr<Graph> BuildGraph(HloModule module, const ValueVisitor& visit, int64_t max_nodes) {
  return GraphBuilder(std::move(module), visit, max_nodes).Build();
}

}  // namespace automap
