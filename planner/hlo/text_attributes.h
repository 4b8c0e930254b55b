// The attributes of instructions in HLO text that planning needs; every other one is skipped.
#pragma once

#include "absl/status/status.h"
#include "planner/hlo/text_cursor.h"
#include "xla/hlo.pb.h"

namespace automap {

// Reads the value of attribute `key` into `instruction`. Attributes that name computations are not
// known here.
absl::Status ReadAttribute(TextCursor& cursor, absl::string_view key,
                           xla::HloInstructionProto& instruction);

// {1,2,3}.
absl::Status ReadIntegers(TextCursor& cursor, google::protobuf::RepeatedField<int64_t>& list);

}  // namespace automap
