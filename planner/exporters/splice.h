// Edits a serialized module in place: what is not named stays byte for byte as it is.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// Serialized fields (tag and payload) by (computation, instruction) place in the module.
using InstructionFields = std::map<std::pair<int32_t, int32_t>, std::string>;

// `bytes` is an HloModuleProto, HloProto or HloSnapshot that passed ReadModule. In the instructions
// named, fields with number `field` are replaced by the given ones; lengths around them follow.
// Linear.
absl::StatusOr<std::string> SpliceInstructions(absl::string_view bytes, uint32_t field,
                                               const InstructionFields& replacements);

}  // namespace automap
