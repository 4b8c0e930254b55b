// Turns a module into its graph.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "planner/graph/graph.h"

namespace automap {

// Enters calls, fusions, loop bodies and branches of a checked module. Linear in the size of the
// result. RESOURCE_EXHAUSTED when the result would have more than `max_nodes` nodes (calls of calls
// can multiply), or calls are nested deeper than 200.
// `visit`, if given, is told the array leaves of every instruction, once for each call site.
using ValueVisitor = std::function<void(const ComputationIndex& computation, int32_t instruction,
                                        absl::Span<const TensorId> leaves)>;
absl::StatusOr<Graph> BuildGraph(HloModule module, const ValueVisitor& visit = nullptr,
                                 int64_t max_nodes = 4'000'000);

}  // namespace automap
