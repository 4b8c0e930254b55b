#include "planner/exporters/annotation_collector.h"

#include "planner/exporters/op_sharding.h"

namespace automap {
namespace {

// Two call sites that disagree leave a place open: a sharding without a type.
template <typename Map>
void Keep(Map& map, const typename Map::key_type& place, const xla::OpSharding& sharding) {
  const auto [found, is_new] = map.try_emplace(place, sharding);
  if (!is_new && found->second.SerializeAsString() != sharding.SerializeAsString()) {
    found->second.Clear();
  }
}

}  // namespace

void AnnotationCollector::KeepRead(const Read& place, const xla::OpSharding& sharding,
                                   bool is_needed) {
  if (is_needed) needed_.insert(place);
  Keep(annotations_.reads, place, sharding);
}

// The arrays that become a loop's state, by the tuple that groups them.
void AnnotationCollector::HoldState(const ComputationIndex& computation, int32_t tuple,
                                    absl::Span<const TensorId> state) {
  if (computation.opcodes[tuple] != Opcode::kTuple) return;
  if (computation.operands_of(tuple).size() != state.size()) return;  // tuples within
  const int32_t place = index_.Find(computation.proto->id());
  for (size_t i = 0; i < state.size(); ++i) {
    KeepRead({place, tuple, static_cast<int>(i)}, ToOpSharding(ShardingOf(state[i], axes_)), true);
  }
}

void AnnotationCollector::HoldReads(int32_t place, int32_t instruction, NodeId node) {
  const auto operands = graph_.operands(node);
  for (size_t operand = 0; operand < operands.size(); ++operand) {
    const MeshSharding read = ReadSharding(node, operand, axes_);
    KeepRead({place, instruction, static_cast<int>(operand)}, ToOpSharding(read),
             read.dim_axes != ShardingOf(operands[operand], axes_).dim_axes);
  }
}

void AnnotationCollector::Visit(const ComputationIndex& computation, int32_t instruction,
                                absl::Span<const TensorId> leaves) {
  const int32_t place = index_.Find(computation.proto->id());
  const xla::HloInstructionProto& proto = computation.instruction(instruction);
  const Opcode opcode = computation.opcodes[instruction];
  if (opcode == Opcode::kGetTupleElement && proto.shape().element_type() != xla::TUPLE) {
    Keep(annotations_.values, std::pair(place, instruction), ValueSharding(false, leaves, axes_));
  }
  if (opcode == Opcode::kWhile) {
    HoldState(computation, computation.operands_of(instruction)[0], leaves);
    const ComputationIndex& body = *index_.Callee(proto, 0);
    HoldState(body, body.root, leaves);
  }
  const NodeId node = leaves.empty() ? -1 : graph_.tensor(leaves[0]).producer;
  if (node < 0 || graph_.node(node).instruction != &proto) return;
  // Of tuples among the operands the reads are those of the values taken out.
  if (graph_.operands(node).size() != computation.operands_of(instruction).size()) return;
  HoldReads(place, instruction, node);
}

Annotations AnnotationCollector::Take() && {
  const auto is_open = [](const auto& entry) { return !entry.second.has_type(); };
  std::erase_if(annotations_.reads, [&](const auto& entry) {
    return is_open(entry) || !needed_.contains(entry.first);
  });
  std::erase_if(annotations_.values, is_open);
  return std::move(annotations_);
}

}  // namespace automap
