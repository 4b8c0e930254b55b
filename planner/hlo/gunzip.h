// Decompression with a limit.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// RESOURCE_EXHAUSTED beyond `max_bytes`, INVALID_ARGUMENT for broken data.
absl::StatusOr<std::string> Gunzip(absl::string_view bytes, int64_t max_bytes);

}  // namespace automap
