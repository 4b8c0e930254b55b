#include "planner/exporters/splice.h"

#include "base/status_macros.h"
#include "planner/hlo/wire_reader.h"
#include "planner/hlo/wire_scan.h"

namespace automap {
namespace {

constexpr uint32_t kComputations = 3, kInstructions = 2, kNestedModule = 1;

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void AppendField(uint32_t number, absl::string_view payload, std::string& out) {
  AppendVarint(number << 3 | kLengthDelimited, out);
  AppendVarint(payload.size(), out);
  out.append(payload.data(), payload.size());
}

// Copies a message, but for the length-delimited fields with `number`: those become what `edit`
// appends, told their payload and how many came before.
template <typename Edit>
absl::StatusOr<std::string> Rewrite(absl::string_view message, uint32_t number, const Edit& edit) {
  std::string out;
  out.reserve(message.size() + message.size() / 8);
  WireReader reader(message);
  int32_t count = 0;
  while (!reader.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == number && field.wire_type == kLengthDelimited) {
      RETURN_IF_ERROR(edit(field, count++, out));
    } else {
      out.append(field.bytes.data(), field.bytes.size());
    }
  }
  return out;
}

class Splicer {
 public:
  Splicer(uint32_t field, const InstructionFields& replacements)
      : field_(field), replacements_(replacements) {}

  absl::StatusOr<std::string> Module(absl::string_view bytes) const {
    return Rewrite(bytes, kComputations,
                   [&](const WireField& old, int32_t place, std::string& out) -> absl::Status {
                     const auto first = replacements_.lower_bound({place, 0});
                     if (first == replacements_.end() || first->first.first != place) {
                       return out.append(old.bytes.data(), old.bytes.size()), absl::OkStatus();
                     }
                     ASSIGN_OR_RETURN(const std::string edited, Computation(old.payload, place));
                     AppendField(kComputations, edited, out);
                     return absl::OkStatus();
                   });
  }

 private:
  absl::StatusOr<std::string> Computation(absl::string_view bytes, int32_t computation) const {
    return Rewrite(bytes, kInstructions,
                   [&](const WireField& old, int32_t place, std::string& out) -> absl::Status {
                     const auto found = replacements_.find({computation, place});
                     if (found == replacements_.end()) {
                       return out.append(old.bytes.data(), old.bytes.size()), absl::OkStatus();
                     }
                     const auto drop = [](const WireField&, int32_t, std::string&) {
                       return absl::OkStatus();
                     };
                     ASSIGN_OR_RETURN(std::string edited, Rewrite(old.payload, field_, drop));
                     AppendField(kInstructions, edited + found->second, out);
                     return absl::OkStatus();
                   });
  }

  const uint32_t field_;
  const InstructionFields& replacements_;
};

}  // namespace

absl::StatusOr<std::string> SpliceInstructions(absl::string_view bytes, uint32_t field,
                                               const InstructionFields& replacements) {
  ASSIGN_OR_RETURN(const WireSummary summary, ScanWire(bytes, ReadLimits{}));
  const Splicer splicer(field, replacements);
  const auto container = [&](absl::string_view message, const auto& inner) {
    return Rewrite(message, kNestedModule,
                   [&](const WireField& old, int32_t, std::string& out) -> absl::Status {
                     ASSIGN_OR_RETURN(const std::string edited, inner(old.payload));
                     AppendField(kNestedModule, edited, out);
                     return absl::OkStatus();
                   });
  };
  const auto module = [&](absl::string_view message) { return splicer.Module(message); };
  const auto hlo_proto = [&](absl::string_view message) { return container(message, module); };
  switch (summary.format) {
    case WireFormat::kModule:
      return module(bytes);
    case WireFormat::kHloProto:
      return hlo_proto(bytes);
    case WireFormat::kSnapshot:
      return container(bytes, hlo_proto);
  }
  return absl::InternalError("format");
}

}  // namespace automap
