#include "planner/rules/iota_dims.h"

#include "planner/rules/constant_value.h"
#include "planner/rules/dim_list.h"

namespace automap {
namespace {

constexpr int kMaxDepth = 64;

const Node* Producer(const Graph& graph, TensorId tensor) {
  const NodeId id = graph.tensor(tensor).producer;
  return id < 0 ? nullptr : &graph.node(id);
}

// The result dim of a reshape that operand dim `dim` becomes alone, or -1.
int64_t ReshapedDim(const Tensor& from, const Tensor& to, int64_t dim) {
  int64_t in_front = 1, product = 1;
  for (int64_t i = 0; i < dim; ++i) in_front *= from.dims[i];
  for (int64_t j = 0; j < to.rank; ++j) {
    if (product == in_front && to.dims[j] == from.dims[dim] && to.dims[j] > 1) return j;
    product *= to.dims[j];
  }
  return -1;
}

// select(x < 0, x + n, x) of an x that is never negative is x.
bool IsWrapAround(const Graph& graph, absl::Span<const TensorId> operands) {
  const Node* compare = Producer(graph, operands[0]);
  if (compare == nullptr || compare->opcode != Opcode::kCompare) return false;
  const auto sides = graph.operands(graph.tensor(operands[0]).producer);
  return sides[0] == operands[2] && compare->instruction->comparison_direction() == "LT" &&
         ConstantValue(graph, sides[1]) == 0.0;
}

// The dim along which the tensor's values are the positions, or -1.
int64_t IotaDim(const Graph& graph, TensorId tensor, int depth = 0) {
  const Node* node = Producer(graph, tensor);
  if (node == nullptr || depth > kMaxDepth) return -1;
  const auto operands = graph.operands(graph.tensor(tensor).producer);
  const DimList& dims = node->instruction->dimensions();
  switch (node->opcode) {
    case Opcode::kIota:
      return dims[0];
    case Opcode::kConvert:
    case Opcode::kCopy:
      return IotaDim(graph, operands[0], depth + 1);
    case Opcode::kBroadcast: {
      const int64_t dim = IotaDim(graph, operands[0], depth + 1);
      return dim < 0 ? -1 : dims[dim];
    }
    case Opcode::kTranspose:
      return IndexOf(dims, IotaDim(graph, operands[0], depth + 1));
    case Opcode::kReshape: {
      const int64_t dim = IotaDim(graph, operands[0], depth + 1);
      return dim < 0 ? -1 : ReshapedDim(graph.tensor(operands[0]), graph.tensor(tensor), dim);
    }
    case Opcode::kSelect:
      return IsWrapAround(graph, operands) ? IotaDim(graph, operands[2], depth + 1) : -1;
    default:
      return -1;
  }
}

}  // namespace

std::vector<int64_t> IotaComponents(const Graph& graph, TensorId indices, int64_t vector_dim) {
  const Tensor& tensor = graph.tensor(indices);
  if (vector_dim >= tensor.rank) return {IotaDim(graph, indices)};
  const Node* node = Producer(graph, indices);
  if (node == nullptr || node->opcode != Opcode::kConcatenate ||
      node->instruction->dimensions(0) != vector_dim) {
    return {tensor.dims[vector_dim] == 1 ? IotaDim(graph, indices) : -1};
  }
  std::vector<int64_t> components;
  for (const TensorId piece : graph.operands(tensor.producer)) {
    const int64_t width = graph.tensor(piece).dims[vector_dim];
    components.insert(components.end(), width, width == 1 ? IotaDim(graph, piece) : -1);
  }
  return components;
}

}  // namespace automap
