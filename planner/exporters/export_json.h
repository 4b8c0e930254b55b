// The plan's shardings as JSON for frameworks.
#pragma once

#include "nlohmann/json.hpp"
#include "planner/plan/decisions.h"

namespace automap {

// {"mesh": [{"name", "size"}], "parameters": [{"parameterNumber", "leafIndex"?, "name", "spec"}],
// "outputs": [{"outputNumber", "leafIndex"?, "spec"}]}: `spec` has for each dim null, an axis, or a
// list of axes, major first.
nlohmann::ordered_json PartitionSpecJson(const PreparedModule& module, const Decisions& decisions,
                                         absl::Span<const Propagation* const> axes);

// {"mesh": "<[\"model\"=8]>", "arguments": [{"parameterNumber", ..., "sharding":
// "#sdy.sharding<@mesh, [{}, {\"model\"}]>"}], "results": [...]}: every dim closed.
nlohmann::ordered_json ShardyJson(const PreparedModule& module, const Decisions& decisions,
                                  absl::Span<const Propagation* const> axes);

}  // namespace automap
