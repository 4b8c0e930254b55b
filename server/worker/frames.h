// Messages over a pipe between processes that do not trust each other's bytes.
//
// A message goes in frames of at most 1 MiB: 4 bytes length (little-endian, top bit: another frame
// of this message follows), 4 bytes CRC-32 of the payload, payload.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace automap {

// Blocking. Deadlines are on base/steady_clock.h: for writing that of the whole message, for
// reading that of its first byte; the rest must follow within seconds. One reader and one writer
// per descriptor. UNAVAILABLE when the other side is gone, DEADLINE_EXCEEDED, DATA_LOSS for bytes
// that make no sense, RESOURCE_EXHAUSTED when the message would be larger than `max_bytes`.
absl::Status WriteMessage(int fd, absl::string_view payload, absl::Time deadline);
absl::StatusOr<std::string> ReadMessage(int fd, int64_t max_bytes, absl::Time deadline);

}  // namespace automap
