// Which stage of a pipeline plan runs each operation of the step, and when.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/prepared_module.h"

namespace automap {

enum class StepPhase : uint8_t { kForward, kBackward, kUpdate };

struct StagePlace {
  StepPhase phase = StepPhase::kForward;
  int32_t stage = 0;
};

// By node: forward and backward passes as in FindPhases, updates as in FindUpdates.
// FAILED_PRECONDITION when the plan has no stages, or one of its cuts is no operation of the
// forward pass or not after the one before. O(graph).
absl::StatusOr<std::vector<StagePlace>> StagePlaces(const PreparedModule& module,
                                                    const v1::Plan& plan);

}  // namespace automap
