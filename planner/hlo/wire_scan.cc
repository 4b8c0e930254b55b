#include "planner/hlo/wire_scan.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/wire_reader.h"

namespace automap {
namespace {

// Bytes in memory of one message of the kind, without its contents.
constexpr int64_t kInstructionBytes = 760, kComputationBytes = 200, kMessageBytes = 64;
constexpr int kMaxNesting = 90;  // the parser's own limit is 100

int64_t OffsetOf(absl::string_view part, absl::string_view whole) {
  return part.data() - whole.data();
}

class Scanner {
 public:
  Scanner(absl::string_view bytes, const ReadLimits& limits) : all_(bytes), limits_(limits) {}

  absl::StatusOr<WireSummary> Scan() {
    absl::string_view module = all_;
    for (const WireFormat format :
         {WireFormat::kModule, WireFormat::kHloProto, WireFormat::kSnapshot}) {
      summary_.format = format;
      // Only a module's field 1 is a name; in the containers it is a message that begins with a
      // nested field 1.
      const auto inner = NestedModule(module);
      if (!inner) break;
      module = *inner;
    }
    RETURN_IF_ERROR(ScanModule(module));
    return summary_;
  }

 private:
  // The payload of field 1, if that looks like a message rather than like a name and no
  // computations stand beside it.
  std::optional<absl::string_view> NestedModule(absl::string_view bytes) {
    WireReader reader(bytes, 0);
    std::optional<absl::string_view> first;
    while (!reader.AtEnd()) {
      const auto field = reader.Next();
      if (!field.ok()) return std::nullopt;
      if (field->number == 3 && field->wire_type == 2 && LooksLikeMessage(field->payload))
        return std::nullopt;
      if (field->number == 1 && field->wire_type == 2 && !first) first = field->payload;
    }
    return first && LooksLikeMessage(*first) ? first : std::nullopt;
  }

  static bool LooksLikeMessage(absl::string_view bytes) {
    if (bytes.empty() || bytes[0] != '\x0a') return false;
    WireReader reader(bytes, 0);
    while (!reader.AtEnd()) {
      if (!reader.Next().ok()) return false;
    }
    return true;
  }

  absl::Status ScanModule(absl::string_view bytes) {
    WireReader reader(bytes, OffsetOf(bytes, all_));
    while (!reader.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, reader.Next());
      RETURN_IF_ERROR(Spend(field));
      if (field.number != 3 || field.wire_type != 2) continue;
      if (++summary_.computations > limits_.max_computations) {
        return absl::ResourceExhaustedError(
            absl::StrCat("module: more than ", limits_.max_computations, " computations"));
      }
      summary_.memory_bytes += kComputationBytes;
      RETURN_IF_ERROR(ScanComputation(field.payload));
    }
    return absl::OkStatus();
  }

  absl::Status ScanComputation(absl::string_view bytes) {
    WireReader reader(bytes, OffsetOf(bytes, all_));
    while (!reader.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, reader.Next());
      if (field.number != 2 || field.wire_type != 2) continue;
      if (++summary_.instructions > limits_.max_instructions) {
        return absl::ResourceExhaustedError(
            absl::StrCat("module: more than ", limits_.max_instructions, " instructions"));
      }
      summary_.memory_bytes += kInstructionBytes;
      RETURN_IF_ERROR(Spend(field));
      RETURN_IF_ERROR(ScanMessage(field.payload));
    }
    return absl::OkStatus();
  }

  // Fields of an instruction: every length-delimited one may become an object. Shapes (3) and
  // shardings (40) nest, and two wire bytes of a nested one can become a whole message.
  absl::Status ScanMessage(absl::string_view bytes) {
    WireReader reader(bytes, OffsetOf(bytes, all_));
    while (!reader.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, reader.Next());
      RETURN_IF_ERROR(Spend(field));
      if (field.wire_type == 2 && (field.number == 3 || field.number == 40 || field.number == 8)) {
        RETURN_IF_ERROR(ScanNested(field.payload));
      }
    }
    return absl::OkStatus();
  }

  // Walks nested messages with a stack of our own; counts what each field may cost.
  absl::Status ScanNested(absl::string_view bytes) {
    std::vector<WireReader> stack = {WireReader(bytes, OffsetOf(bytes, all_))};
    while (!stack.empty()) {
      if (stack.back().AtEnd()) {
        stack.pop_back();
        continue;
      }
      const auto field = stack.back().Next();
      if (!field.ok()) return field.status();
      RETURN_IF_ERROR(Spend(*field));
      // Tuples of shapes, shardings and literals: the numbers of their recursive fields.
      const bool recurses = field->wire_type == 2 &&
                            (field->number == 4 || field->number == 5 || field->number == 10);
      if (!recurses || field->payload.empty() || !LooksLikeFields(field->payload)) continue;
      if (stack.size() > kMaxNesting) {
        return absl::InvalidArgumentError(absl::StrCat("module: byte ", stack.back().offset(),
                                                       ": nested deeper than ", kMaxNesting));
      }
      stack.emplace_back(field->payload, OffsetOf(field->payload, all_));
    }
    return absl::OkStatus();
  }

  static bool LooksLikeFields(absl::string_view bytes) {
    WireReader reader(bytes, 0);
    return reader.Next().ok();
  }

  absl::Status Spend(const WireField& field) {
    summary_.memory_bytes +=
        field.wire_type == 2 ? kMessageBytes + static_cast<int64_t>(field.payload.size()) / 8 : 8;
    if (summary_.memory_bytes <= limits_.max_memory_bytes) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        "module: would take more than ", limits_.max_memory_bytes, " bytes of memory once parsed"));
  }

  const absl::string_view all_;
  const ReadLimits& limits_;
  WireSummary summary_;
};

}  // namespace

absl::StatusOr<WireSummary> ScanWire(absl::string_view bytes, const ReadLimits& limits) {
  return Scanner(bytes, limits).Scan();
}

}  // namespace automap
