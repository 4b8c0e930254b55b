// How often a loop runs.
#pragma once

#include <cstdint>
#include <optional>

#include "planner/hlo/module_index.h"

namespace automap {

// Trip count of instruction `loop`, a `while`, of `computation`, from the compiler's own note
// (`known_trip_count`) or from a condition of the form "counter < constant" on a carried counter
// that starts at a constant and counts by one. Nothing when neither is there.
std::optional<int64_t> TripCount(const ComputationIndex& computation, int32_t loop,
                                 const ComputationIndex& condition);

}  // namespace automap
