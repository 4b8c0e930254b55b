// Predicted beside published collectives.
#pragma once

#include "nlohmann/json.hpp"
#include "tests/bench/cost_model/residuals.h"

namespace automap {

// Prints each point of tests/data/published/collectives.json (or one like it) and the errors by row
// and decade of bytes; leaves residuals of the points from 1 MiB on that nothing was fitted on.
void RunCollectiveSweeps(const nlohmann::json& document, Residuals& residuals);

}  // namespace automap
