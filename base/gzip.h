// What gzip files begin with.
#pragma once

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace automap {

inline bool IsGzip(absl::string_view bytes) { return absl::StartsWith(bytes, "\x1f\x8b"); }

}  // namespace automap
