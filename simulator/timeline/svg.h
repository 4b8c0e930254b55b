// A timeline as a picture: rows over time, and memory below on the same time axis.
#pragma once

#include <string>

#include "simulator/timeline/timeline.h"

namespace automap {

// SVG 1.1, readable in black and white: categories differ in their pattern, events carry their name
// where it fits, neighbours too narrow to see are drawn as one. The same timeline gives the same
// bytes. O(events + memory points), and at most some thousand shapes.
std::string SvgPicture(const Timeline& timeline);

}  // namespace automap
