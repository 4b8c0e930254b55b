#include "planner/propagation/same_operation.h"

#include <algorithm>

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;

template <typename Message>
bool SameMessage(bool a_has, const Message& a, bool b_has, const Message& b) {
  return a_has == b_has && (!a_has || a.SerializeAsString() == b.SerializeAsString());
}

template <typename List>
bool SameList(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool SameSlices(const Instruction& a, const Instruction& b) {
  return std::equal(
      a.slice_dimensions().begin(), a.slice_dimensions().end(), b.slice_dimensions().begin(),
      b.slice_dimensions().end(), [](const auto& x, const auto& y) {
        return x.start() == y.start() && x.limit() == y.limit() && x.stride() == y.stride();
      });
}

bool SameNumbers(const Instruction& a, const Instruction& b) {
  return a.tuple_index() == b.tuple_index() && a.exponent_bits() == b.exponent_bits() &&
         a.mantissa_bits() == b.mantissa_bits() && a.distribution() == b.distribution() &&
         a.epsilon() == b.epsilon() && a.feature_index() == b.feature_index() &&
         a.fft_type() == b.fft_type() && a.feature_group_count() == b.feature_group_count() &&
         a.batch_group_count() == b.batch_group_count() && a.is_stable() == b.is_stable() &&
         a.indices_are_sorted() == b.indices_are_sorted() &&
         a.unique_indices() == b.unique_indices() && a.rng_algorithm() == b.rng_algorithm() &&
         a.k() == b.k() && a.largest() == b.largest() && a.num_carries() == b.num_carries() &&
         a.comparison_direction() == b.comparison_direction() &&
         a.custom_call_target() == b.custom_call_target();
}

bool SameLists(const Instruction& a, const Instruction& b) {
  return SameList(a.dimensions(), b.dimensions()) && SameSlices(a, b) &&
         SameList(a.dynamic_slice_sizes(), b.dynamic_slice_sizes()) &&
         SameList(a.gather_slice_sizes(), b.gather_slice_sizes()) &&
         SameList(a.fft_length(), b.fft_length());
}

#define AUTOMAP_SAME(field) SameMessage(a.has_##field(), a.field(), b.has_##field(), b.field())

bool SameMessages(const Instruction& a, const Instruction& b) {
  return AUTOMAP_SAME(window) && AUTOMAP_SAME(convolution_dimension_numbers) &&
         AUTOMAP_SAME(padding_config) && AUTOMAP_SAME(dot_dimension_numbers) &&
         AUTOMAP_SAME(gather_dimension_numbers) && AUTOMAP_SAME(scatter_dimension_numbers) &&
         AUTOMAP_SAME(ragged_dot_dimension_numbers) && AUTOMAP_SAME(triangular_solve_options) &&
         AUTOMAP_SAME(cholesky_options);
}

#undef AUTOMAP_SAME

bool SameComputation(const ComputationIndex& a, const ComputationIndex& b) {
  if (&a == &b) return true;
  if (a.opcodes != b.opcodes || a.operands != b.operands || a.root != b.root) return false;
  for (int32_t i = 0; i < a.size(); ++i) {
    if (!SameNumbers(a.instruction(i), b.instruction(i)) ||
        a.instruction(i).parameter_number() != b.instruction(i).parameter_number())
      return false;
  }
  return true;
}

bool SameCallees(const Graph& graph, const Instruction& a, const Instruction& b) {
  const int count = a.called_computation_ids_size();
  if (count != b.called_computation_ids_size()) return false;
  for (int c = 0; c < count; ++c) {
    if (!SameComputation(*graph.Callee(a, c), *graph.Callee(b, c))) return false;
  }
  return true;
}

bool SameArrays(const Graph& graph, absl::Span<const TensorId> a, absl::Span<const TensorId> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](TensorId x, TensorId y) {
    return graph.shape_number(x) == graph.shape_number(y);
  });
}

// Whether the opcode says it all.
bool HasNoAttributes(Opcode opcode) {
  switch (opcode) {
    case Opcode::kCompare:
    case Opcode::kMap:
    case Opcode::kReducePrecision:
      return false;
    case Opcode::kReshape:
      return true;
    default:
      // A loop's carried arrays are as its body makes them, which is in the graph itself.
      return IsElementwise(opcode);
  }
}

}  // namespace

bool SameOperation(const Graph& graph, NodeId a, NodeId b) {
  const Node &one = graph.node(a), &other = graph.node(b);
  if (one.opcode != other.opcode || one.trips != other.trips) return false;
  if (!SameArrays(graph, graph.operands(a), graph.operands(b)) ||
      !SameArrays(graph, graph.results(a), graph.results(b)))
    return false;
  if (HasNoAttributes(one.opcode) || one.instruction == other.instruction) return true;
  const Instruction &x = *one.instruction, &y = *other.instruction;
  return SameNumbers(x, y) && SameLists(x, y) && SameMessages(x, y) && SameCallees(graph, x, y);
}

}  // namespace automap
