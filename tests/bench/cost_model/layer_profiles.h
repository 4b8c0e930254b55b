// Predicted beside published times of single layers.
#pragma once

#include "nlohmann/json.hpp"

namespace automap {

// Prints the layers of tests/data/published/v100_layers.json.
void RunLayerProfiles(const nlohmann::json& document);

}  // namespace automap
