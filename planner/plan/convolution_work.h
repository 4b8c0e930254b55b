// The multiplications of a convolution that meet an input element.
#pragma once

#include <cstdint>

#include "xla/xla_data.pb.h"

namespace automap {

// Pairs (output place, kernel place) along one dim whose input place lies inside the input of
// `input` elements and is not a zero of base dilation. `output` places, kernel of window.size().
// O(min(output, kernel)) up to a million places; beyond that padding counts as input.
int64_t ValidPositions(const xla::WindowDimension& window, int64_t input, int64_t output);

}  // namespace automap
