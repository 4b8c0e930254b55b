// Facts about element types.
#pragma once

#include <string>

#include "xla/xla_data.pb.h"

namespace automap {

// Bits of one element in device memory; 0 for tokens and opaque values. 4-bit types and below count
// as packed.
int ElementBits(int primitive_type);

// Lower-case name as in HLO text, "f32".
std::string ElementTypeName(int primitive_type);

// Real or complex floating point, of any width.
bool IsFloat(int primitive_type);

}  // namespace automap
