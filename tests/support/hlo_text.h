// Modules from text, for tests.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "planner/graph/build_graph.h"

namespace automap {

// The graph of HLO text. Aborts with the error when the text is no module.
Graph GraphFromText(absl::string_view text);

}  // namespace automap
