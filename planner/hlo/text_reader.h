// HLO text to message, as liberal as the producers: with or without header, %, operand shapes,
// signatures and result shapes that follow from the operands; nested computations and instructions;
// compact tuple access.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "xla/hlo.pb.h"

namespace automap {

// Reads `text` into `module`, which must be empty. Linear in the text. INVALID_ARGUMENT
// `line:column: ...`; RESOURCE_EXHAUSTED beyond the numbers of instructions and computations.
// Whether the module makes sense is CheckModule's to say.
absl::Status ReadText(absl::string_view text, int64_t max_instructions, int64_t max_computations,
                      xla::HloModuleProto& module);

}  // namespace automap
