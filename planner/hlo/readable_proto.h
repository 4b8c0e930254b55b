// A module's message in forms that people read: proto JSON and protobuf text.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "xla/hlo.pb.h"

namespace automap {

// Reads the proto3 JSON of an HloModuleProto or an HloProto, camelCase or snake_case. Keys that the
// subset does not declare are ignored. INVALID_ARGUMENT with the parser's position.
absl::Status ReadJson(absl::string_view json, xla::HloModuleProto& module);

// Whether text is protobuf text rather than HLO: it begins with a field of the module or of
// HloProto.
bool IsTextProto(absl::string_view text);

// Reads protobuf text of an HloModuleProto or an HloProto; unknown fields are ignored.
// INVALID_ARGUMENT `line:column`.
absl::Status ReadTextProto(absl::string_view text, xla::HloModuleProto& module);

}  // namespace automap
