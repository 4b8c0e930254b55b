// Looks at a module on the wire before a parser spends memory on it.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "planner/hlo/read_module.h"

namespace automap {

// What kind of container the bytes are, judged by the nesting of field 1 as well as by what parses.
enum class WireFormat { kModule, kHloProto, kSnapshot };

struct WireSummary {
  WireFormat format = WireFormat::kModule;
  int64_t computations = 0;
  int64_t instructions = 0;
  // Estimate of the parsed message's size: an empty instruction is two bytes on the wire and
  // hundreds in memory.
  int64_t memory_bytes = 0;
};

// Walks the wire format without allocating. Linear. INVALID_ARGUMENT with the offset where the
// bytes end early or make no sense; RESOURCE_EXHAUSTED when a limit is passed.
absl::StatusOr<WireSummary> ScanWire(absl::string_view bytes, const ReadLimits& limits);

}  // namespace automap
