// A step as programs that run one after the other, each of one stage.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/pipeline/stage_places.h"
#include "planner/graph/graph.h"

namespace automap {

// Where an array is made: leaf `leaf` of the value of an instruction of the entry computation.
struct Definition {
  int32_t instruction = -1;
  int32_t leaf = 0;
};

// The entry computation of a module without calls (InlineCalls), seen as arrays.
struct EntryValues {
  std::vector<std::vector<TensorId>> leaves;  // by instruction
  std::vector<Definition> definition;         // by tensor; of those that are seen in the entry
};

// Its results are what other programs read of it and what leaves the step.
struct StageProgram {
  StepPhase phase = StepPhase::kForward;
  int32_t stage = 0;
  // Above 0 where a stage has to wait for another one's part of the same phase, as for the norm of
  // all gradients.
  int32_t round = 0;
  std::vector<int32_t> instructions;  // of the entry, ascending
  std::vector<TensorId> imports;      // parameters of the step, then others' results; ascending
  std::vector<TensorId> results;      // ascending
};

// The programs in an order in which each finds its imports made: forward passes from the first
// stage to the last, backward passes from the last to the first, updates.
//
// Instructions go where most of their nodes go; one that reads something made later than that waits
// for it. What depends on no parameter of the step (constants, masks) is made anew wherever it is
// read, unless it is random. `places` is by node. O(graph x rounds).
std::vector<StageProgram> StagePrograms(const Graph& graph, const EntryValues& values,
                                        const std::vector<StagePlace>& places);

}  // namespace automap
