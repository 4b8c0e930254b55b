#include "planner/graph/trip_count.h"

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace automap {
namespace {

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

// Of an integer constant.
std::optional<int64_t> ScalarValue(const ComputationIndex& computation, int32_t i) {
  if (computation.opcodes[i] != Opcode::kConstant) return std::nullopt;
  const xla::LiteralProto& literal = computation.instruction(i).literal();
  if (literal.s32s_size() == 1) return literal.s32s(0);
  if (literal.s64s_size() == 1) return literal.s64s(0);
  if (literal.u32s_size() == 1) return literal.u32s(0);
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> TripCount(const ComputationIndex& computation, int32_t loop,
                                 const ComputationIndex& condition) {
  if (auto known = KnownTripCount(computation.instruction(loop).backend_config())) return known;
  const int32_t compare = condition.root;
  if (condition.opcodes[compare] != Opcode::kCompare ||
      condition.instruction(compare).comparison_direction() != "LT") {
    return std::nullopt;
  }
  const auto sides = condition.operands_of(compare);
  const auto limit = ScalarValue(condition, sides[1]);
  if (!limit || condition.opcodes[sides[0]] != Opcode::kGetTupleElement) return std::nullopt;
  const int64_t counter = condition.instruction(sides[0]).tuple_index();
  const int32_t initial = computation.operands_of(loop)[0];
  int64_t start = 0;
  if (computation.opcodes[initial] == Opcode::kTuple) {
    start = ScalarValue(computation, computation.operands_of(initial)[counter]).value_or(0);
  }
  return *limit > start ? *limit - start : 0;
}

}  // namespace automap
