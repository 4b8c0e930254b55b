// A timeline as a trace that chrome://tracing and Perfetto open.
#pragma once

#include <string>

#include "simulator/timeline/timeline.h"

namespace automap {

// Trace Event Format, JSON: one thread for each row, complete events ("ph": "X") in microseconds,
// one counter for each memory profile. The same timeline gives the same bytes.
std::string ChromeTrace(const Timeline& timeline);

}  // namespace automap
