// Constants in HLO text: 5, -inf, true, { {1, 2}, {3, 4} }, (1, 2), {...}.
#pragma once

#include "absl/status/status.h"
#include "planner/hlo/text_cursor.h"
#include "xla/hlo.pb.h"

namespace automap {

// Reads what stands between the parentheses of `constant( )`, for an instruction whose shape is
// known. An elided value
// ("...") and values of types that the message does not declare leave the literal out, as producers
// may.
absl::Status ReadLiteral(TextCursor& cursor, xla::HloInstructionProto& instruction);

}  // namespace automap
