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
  // Shapes, layouts and whatever else is a message or a field that is not ours: each costs many
  // times its bytes, in time as well.
  int64_t parts = 0;
  // In lists, but for those of constants: operands, sizes, devices.
  int64_t numbers = 0;
  // Of the parsed message, at least: an empty instruction is two bytes on the wire and hundreds in
  // memory.
  int64_t memory_bytes = 0;
};

// How many parts there may be: so many, and one more for every so many bytes. Real modules have one
// for every ten to thirty.
inline constexpr int64_t kFreeParts = 1'000'000, kBytesPerPart = 8;
// How many numbers there may be, for each instruction that there may be.
inline constexpr int64_t kNumbersPerInstruction = 16;

// Walks the wire format without building messages. Linear, and no further than to the first limit
// that is passed. INVALID_ARGUMENT with the offset where the bytes end early, make no sense or nest
// too deep; RESOURCE_EXHAUSTED when a limit is passed.
absl::StatusOr<WireSummary> ScanWire(absl::string_view bytes, const ReadLimits& limits);

}  // namespace automap
