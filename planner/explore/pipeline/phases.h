// Where each operation of a training step belongs when the forward pass is cut into stages.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/graph/graph.h"
#include "planner/graph/roles.h"

namespace automap {

// The forward pass as a line of *slots*, one per operation that depends on both a variable and an
// input, in the module's order; and the slot of every operation of the step.
//
//   forward   the loss depends on it. What depends on no variable or on no input (masks, casts of
//             weights) goes to its first reader.
//   backward  the slot of the forward operation that it differentiates, by dataflow from the loss:
//   a
//             gradient comes from the slots after; the forward values and variables that an
//             operation reads say how far down it has come (the last forward reader of theirs that
//             is not after the gradient's own slot).
//   update    the slot of the gradient that it applies; what serves one variable's update alone
//             goes with that.
//
// Scalars place nothing: a global norm or a step counter ties no layers together.
struct StepPhases {
  std::vector<NodeId> slots;     // forward operation by slot
  std::vector<bool> is_forward;  // by node
  std::vector<int32_t> slot_of;  // by node
  // By parameter: the slots that read it, ascending, and the slot where it is updated (where it is
  // first read when nothing updates it; -1 when nothing reads it either).
  std::vector<std::vector<int32_t>> read_at;
  std::vector<int32_t> home;
  std::string loss;  // how the forward pass was told apart, in words
};

// FAILED_PRECONDITION when the module has no forward pass that reads variables. O(graph), times the
// number of scalar results.
absl::StatusOr<StepPhases> FindPhases(const Graph& graph, const Roles& roles);

}  // namespace automap
