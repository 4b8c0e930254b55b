#include "planner/graph/trip_count.h"

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace automap {
namespace {

const xla::HloInstructionProto* Find(const xla::HloComputationProto& computation, int64_t id) {
  for (const auto& instruction : computation.instructions()) {
    if (static_cast<uint32_t>(instruction.id()) == static_cast<uint32_t>(id)) return &instruction;
  }
  return nullptr;
}

// The compiler's note is JSON inside backend_config: {"known_trip_count":{"n":"12"}, ...}.
std::optional<int64_t> KnownTripCount(absl::string_view config) {
  const size_t key = config.find("known_trip_count");
  if (key == absl::string_view::npos) return std::nullopt;
  config.remove_prefix(key + 16);
  const size_t digits = config.find_first_of("0123456789");
  if (digits == absl::string_view::npos) return std::nullopt;
  config.remove_prefix(digits);
  int64_t count = 0;
  if (!absl::SimpleAtoi(config.substr(0, config.find_first_not_of("0123456789")), &count)) {
    return std::nullopt;
  }
  return count;
}

std::optional<int64_t> IntegerConstant(const xla::HloInstructionProto* instruction) {
  if (instruction == nullptr || instruction->opcode() != "constant") return std::nullopt;
  const xla::LiteralProto& literal = instruction->literal();
  if (literal.s32s_size() == 1) return literal.s32s(0);
  if (literal.s64s_size() == 1) return literal.s64s(0);
  if (literal.u32s_size() == 1) return literal.u32s(0);
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> TripCount(const xla::HloInstructionProto& loop,
                                 const xla::HloComputationProto& computation,
                                 const xla::HloComputationProto& condition) {
  if (auto known = KnownTripCount(loop.backend_config())) return known;
  const auto* compare = Find(condition, condition.root_id());
  if (compare == nullptr || compare->opcode() != "compare" || compare->operand_ids_size() != 2 ||
      compare->comparison_direction() != "LT") {
    return std::nullopt;
  }
  const auto* counter = Find(condition, compare->operand_ids(0));
  const auto limit = IntegerConstant(Find(condition, compare->operand_ids(1)));
  if (!limit || counter == nullptr || counter->opcode() != "get-tuple-element") return std::nullopt;
  const auto* initial =
      loop.operand_ids_size() == 1 ? Find(computation, loop.operand_ids(0)) : nullptr;
  int64_t start = 0;
  if (initial != nullptr && initial->opcode() == "tuple" &&
      counter->tuple_index() < initial->operand_ids_size()) {
    start = IntegerConstant(Find(computation, initial->operand_ids(counter->tuple_index())))
                .value_or(0);
  }
  return *limit > start ? *limit - start : 0;
}

}  // namespace automap
