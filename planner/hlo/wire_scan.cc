#include "planner/hlo/wire_scan.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/wire_reader.h"
#include "planner/hlo/wire_types.h"

namespace automap {
namespace {

constexpr size_t kMaxNesting = 95;  // the parser's own limit is 100
// A container has one for each argument at most.
constexpr int kMaxContainerFields = 100'000;

// Bytes in memory, besides what is said in wire_types.h.
constexpr int64_t kPointer = 8, kList = 16, kText = 32, kUnknown = 64, kBlock = 16;
constexpr int64_t kInlineText = 15;  // what a string holds without a block of its own
constexpr int64_t kGrowth = 2;       // lists double, and an arena keeps the old ones

struct Types {
  WireTypes all{*xla::HloSnapshot::descriptor()};
  int32_t snapshot = all.IndexOf(*xla::HloSnapshot::descriptor());
  int32_t hlo_proto = all.IndexOf(*xla::HloProto::descriptor());
  int32_t module = all.IndexOf(*xla::HloModuleProto::descriptor());
  int32_t computation = all.IndexOf(*xla::HloComputationProto::descriptor());
  int32_t instruction = all.IndexOf(*xla::HloInstructionProto::descriptor());
};

const Types& OurTypes() {
  static const auto& types = *new Types();
  return types;
}

bool LooksLikeMessage(absl::string_view bytes) {
  if (bytes.empty() || bytes[0] != '\x0a') return false;
  WireReader reader(bytes);
  while (!reader.AtEnd()) {
    if (!reader.Next().ok()) return false;
  }
  return true;
}

// The payload of field 1, if that looks like a message rather than like a name. What stands beside
// it does not tell: field 3 is computations, a buffer assignment or a result.
std::optional<absl::string_view> NestedModule(absl::string_view bytes) {
  WireReader reader(bytes);
  std::optional<absl::string_view> first;
  for (int fields = 0; !reader.AtEnd(); ++fields) {
    const auto field = reader.Next();
    if (!field.ok() || fields == kMaxContainerFields) return std::nullopt;
    if (field->number == 1 && field->wire_type == kLengthDelimited && !first)
      first = field->payload;
  }
  return first && LooksLikeMessage(*first) ? first : std::nullopt;
}

// Only a module's field 1 is a name; in the containers it is a message that begins with a nested
// field 1.
WireFormat FormatOf(absl::string_view bytes) {
  const auto inner = NestedModule(bytes);
  if (!inner) return WireFormat::kModule;
  return NestedModule(*inner) ? WireFormat::kSnapshot : WireFormat::kHloProto;
}

// How many numbers a packed list has.
int64_t CountNumbers(const WireFieldType& type, absl::string_view payload) {
  if (type.wire_bytes != 0) return static_cast<int64_t>(payload.size()) / type.wire_bytes;
  return std::count_if(payload.begin(), payload.end(), [](char byte) { return byte >= 0; });
}

class Scanner {
 public:
  Scanner(absl::string_view bytes, const ReadLimits& limits) : all_(bytes), limits_(limits) {}

  absl::StatusOr<WireSummary> Scan() {
    summary_.format = FormatOf(all_);
    Enter(all_, summary_.format == WireFormat::kModule     ? types_.module
                : summary_.format == WireFormat::kHloProto ? types_.hlo_proto
                                                           : types_.snapshot);
    while (!open_.empty()) {
      if (open_.back().reader.AtEnd()) {
        open_.pop_back();
        continue;
      }
      WireField field;
      if (!open_.back().reader.TakeShort(field)) {
        ASSIGN_OR_RETURN(field, open_.back().reader.Next());
      }
      RETURN_IF_ERROR(Take(field, types_.all.at(open_.back().type)));
    }
    return summary_;
  }

 private:
  struct Open {
    WireReader reader;
    int32_t type;
  };

  void Enter(absl::string_view payload, int32_t type) {
    open_.push_back({WireReader(payload, payload.data() - all_.data()), type});
  }

  absl::Status Take(const WireField& field, const WireMessageType& in) {
    const bool has_payload = field.wire_type == kLengthDelimited;
    const auto size = static_cast<int64_t>(field.payload.size());
    const WireFieldType& type = in.field(field.number);
    const int64_t text = kText + (size > kInlineText ? size + kBlock : 0);
    switch (type.kind) {
      case WireKind::kNumber:
        if (!has_payload) return absl::OkStatus();
        break;
      case WireKind::kNumbers: {
        const int64_t count = has_payload ? CountNumbers(type, field.payload) : 1;
        if (!in.is_literal) summary_.numbers += count;
        return Spend(kList + kGrowth * count * type.number_bytes);
      }
      case WireKind::kText:
        if (!has_payload) break;
        return Spend(text + (type.is_repeated ? kPointer : 0));
      case WireKind::kMessage:
        if (!has_payload) break;
        return TakeMessage(field, type);
      case WireKind::kUnknown:
        break;
    }
    ++summary_.parts;
    return Spend(kUnknown + (has_payload ? kBlock + text : 0));
  }

  absl::Status TakeMessage(const WireField& field, const WireFieldType& type) {
    (type.message == types_.instruction   ? summary_.instructions
     : type.message == types_.computation ? summary_.computations
                                          : summary_.parts) += 1;
    RETURN_IF_ERROR(Spend(types_.all.at(type.message).bytes + kPointer));
    if (field.payload.empty()) return absl::OkStatus();
    if (open_.size() == kMaxNesting) {
      return absl::InvalidArgumentError(absl::StrCat("module: byte ", open_.back().reader.offset(),
                                                     ": nested deeper than ", kMaxNesting));
    }
    Enter(field.payload, type.message);
    return absl::OkStatus();
  }

  absl::Status Spend(int64_t memory_bytes) {
    summary_.memory_bytes += memory_bytes;
    if (summary_.computations > limits_.max_computations)
      return TooMany(limits_.max_computations, "computations");
    if (summary_.instructions > limits_.max_instructions)
      return TooMany(limits_.max_instructions, "instructions");
    if (summary_.parts > max_parts_) return TooMany(max_parts_, "shapes, layouts and other parts");
    const int64_t max_numbers = kNumbersPerInstruction * limits_.max_instructions;
    if (summary_.numbers > max_numbers)
      return TooMany(max_numbers, "operands, sizes and other numbers");
    if (summary_.memory_bytes > limits_.max_memory_bytes)
      return TooMany(limits_.max_memory_bytes, "bytes of memory once parsed");
    return absl::OkStatus();
  }

  static absl::Status TooMany(int64_t limit, absl::string_view what) {
    return absl::ResourceExhaustedError(absl::StrCat("module: more than ", limit, " ", what));
  }

  const absl::string_view all_;
  const ReadLimits& limits_;
  const int64_t max_parts_ = kFreeParts + static_cast<int64_t>(all_.size()) / kBytesPerPart;
  const Types& types_ = OurTypes();
  std::vector<Open> open_;  // from the whole input inwards
  WireSummary summary_;
};

}  // namespace

absl::StatusOr<WireSummary> ScanWire(absl::string_view bytes, const ReadLimits& limits) {
  return Scanner(bytes, limits).Scan();
}

}  // namespace automap
