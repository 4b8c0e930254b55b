#include "planner/hlo/opcode.h"

#include <algorithm>
#include <array>
#include <utility>

namespace automap {
namespace {

constexpr std::array<absl::string_view, kOpcodeCount> kNames = {
#define AUTOMAP_NAME(enumerator, name) name,
    AUTOMAP_OPCODES(AUTOMAP_NAME)
#undef AUTOMAP_NAME
};

// Spellings that older producers wrote.
constexpr std::pair<absl::string_view, Opcode> kOldNames[] = {
    {"cross-replica-sum", Opcode::kAllReduce},      {"equal-to", Opcode::kCompare},
    {"generate-token", Opcode::kAfterAll},          {"greater-than", Opcode::kCompare},
    {"greater-than-or-equal-to", Opcode::kCompare}, {"less-than", Opcode::kCompare},
    {"less-than-or-equal-to", Opcode::kCompare},    {"not-equal-to", Opcode::kCompare},
};

}  // namespace

Opcode OpcodeFromName(absl::string_view name) {
  const auto found = std::lower_bound(kNames.begin(), kNames.end(), name);
  if (found != kNames.end() && *found == name) return static_cast<Opcode>(found - kNames.begin());
  for (const auto& [old_name, opcode] : kOldNames) {
    if (old_name == name) return opcode;
  }
  return Opcode::kUnknown;
}

absl::string_view OpcodeName(Opcode opcode) {
  return opcode == Opcode::kUnknown ? "unknown" : kNames[static_cast<int>(opcode)];
}

}  // namespace automap
