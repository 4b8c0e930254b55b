// The paper's partition results by variable name, to hold ours against.
#pragma once

#include <optional>
#include <string>

#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/prepared_module.h"

namespace automap {

// The dim that Table 3 (T5) or Table 4 (VGG-19) splits of a variable, -1 where it is replicated.
// The position-bias tables, which Table 3 does not list, go with their heads; fc2/bias of Table 4,
// which cannot be split beside predictions/kernel, is replicated. Nothing for a name of neither
// model.
std::optional<int> PaperDim(const std::string& variable);

// That pattern as a described plan on one axis of all devices, priced by `semantics` so that it
// stands beside ours on equal terms. Aborts when the module is neither model.
v1::Plan PlanOfPaper(const PreparedModule& module, const v1::Cluster& cluster, int axis_size,
                     const Semantics& semantics);

}  // namespace automap
