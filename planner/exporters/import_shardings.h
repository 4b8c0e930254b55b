// Reads back what the exporters write: the shardings of a plan, without its numbers.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/prepared_module.h"

namespace automap {

// A plan with mesh and shardings only, as DecisionsOf takes it, from the JSON of a partition-spec
// or of Shardy attributes, told apart by content. INVALID_ARGUMENT with the entry's path.
absl::StatusOr<v1::Plan> ImportShardings(absl::string_view json);

// The same from the OpSharding of a module's entry parameters; a parameter without one is
// replicated. `mesh` gives the axes, major first. INVALID_ARGUMENT for shardings that the mesh
// cannot express.
absl::StatusOr<v1::Plan> ImportShardings(
    const Graph& graph, const google::protobuf::RepeatedPtrField<v1::Plan::MeshAxis>& mesh);

}  // namespace automap
