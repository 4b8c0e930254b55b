#include "planner/hlo/opcode.h"

#include <algorithm>
#include <array>
#include <utility>

namespace automap {
namespace {

constexpr std::array<OpcodeTraits, kOpcodeCount + 1> kTraits = {{
#define AUTOMAP_TRAITS(enumerator, name, min_operands, max_operands, kind) \
  {name, min_operands, max_operands, OpcodeKind::kind},
    AUTOMAP_OPCODES(AUTOMAP_TRAITS)
#undef AUTOMAP_TRAITS
        {"unknown", 0, -1, OpcodeKind::kAnything},
}};

// Spellings that older producers wrote.
constexpr std::pair<absl::string_view, Opcode> kOldNames[] = {
    {"cross-replica-sum", Opcode::kAllReduce},      {"equal-to", Opcode::kCompare},
    {"generate-token", Opcode::kAfterAll},          {"greater-than", Opcode::kCompare},
    {"greater-than-or-equal-to", Opcode::kCompare}, {"less-than", Opcode::kCompare},
    {"less-than-or-equal-to", Opcode::kCompare},    {"not-equal-to", Opcode::kCompare},
};

}  // namespace

const OpcodeTraits& TraitsOf(Opcode opcode) { return kTraits[static_cast<int>(opcode)]; }

Opcode OpcodeFromName(absl::string_view name) {
  const auto end = kTraits.end() - 1;
  const auto found = std::lower_bound(
      kTraits.begin(), end, name,
      [](const OpcodeTraits& traits, absl::string_view key) { return traits.name < key; });
  if (found != end && found->name == name) return static_cast<Opcode>(found - kTraits.begin());
  for (const auto& [old_name, opcode] : kOldNames) {
    if (old_name == name) return opcode;
  }
  return Opcode::kUnknown;
}

absl::string_view OpcodeName(Opcode opcode) { return TraitsOf(opcode).name; }

bool IsElementwise(Opcode opcode) {
  const OpcodeKind kind = TraitsOf(opcode).kind;
  return kind == OpcodeKind::kElementwise || kind == OpcodeKind::kIdentity;
}

}  // namespace automap
