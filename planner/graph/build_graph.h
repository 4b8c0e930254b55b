// Turns a module into its graph.
#pragma once

#include "absl/status/statusor.h"
#include "planner/graph/graph.h"

namespace automap {

// Enters calls, fusions, loop bodies and branches of a checked module. Linear in the size of the
// result. RESOURCE_EXHAUSTED when the result would have more than `max_nodes` nodes (calls of calls
// can multiply), or calls are nested deeper than 200.
absl::StatusOr<Graph> BuildGraph(HloModule module, int64_t max_nodes = 4'000'000);

}  // namespace automap
