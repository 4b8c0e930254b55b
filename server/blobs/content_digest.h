// What a module is, whether it came gzipped or not.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace automap {

// SHA-256 (hex) of the bytes, of the decompressed ones where they are gzip that inflates to at most
// `max_bytes`. Constant memory, one pass.
std::string ContentDigest(absl::string_view bytes, int64_t max_bytes);

}  // namespace automap
