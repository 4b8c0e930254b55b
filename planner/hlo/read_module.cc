#include "planner/hlo/read_module.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/gzip.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "google/protobuf/arena.h"
#include "planner/hlo/check_module.h"
#include "planner/hlo/gunzip.h"
#include "planner/hlo/readable_proto.h"
#include "planner/hlo/text_reader.h"
#include "planner/hlo/wire_scan.h"

namespace automap {
namespace {

// Text begins with a word or a comment and has no control characters; a serialized message has a
// tag byte and lengths.
ModuleFormat FormatOf(absl::string_view bytes) {
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(bytes);
  if (absl::StartsWith(start, "{")) return ModuleFormat::kJson;
  const absl::string_view head = bytes.substr(0, 256);
  for (const char c : head) {
    if (static_cast<unsigned char>(c) < 32 && !absl::ascii_isspace(c)) return ModuleFormat::kProto;
  }
  // A message's first byte is 0x0a, a newline; its length byte may look like a letter. No text has
  // a second line that begins in the middle of a word: the word "HloModule", a name, "ENTRY",
  // "ROOT", '%' or a comment comes first.
  if (absl::StartsWith(bytes, "\x0a") && bytes.size() > 2) {
    const absl::Status scanned = ScanWire(bytes, ReadLimits{}).status();
    if (scanned.ok() || absl::IsResourceExhausted(scanned)) return ModuleFormat::kProto;
  }
  return IsTextProto(bytes) ? ModuleFormat::kTextProto : ModuleFormat::kText;
}

absl::Status ReadProto(absl::string_view bytes, const ReadLimits& limits,
                       google::protobuf::Arena* arena, const xla::HloModuleProto*& module) {
  ASSIGN_OR_RETURN(const WireSummary summary, ScanWire(bytes, limits));
  const auto parse = [&](auto* message) {
    return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  };
  bool parsed = false;
  if (summary.format == WireFormat::kModule) {
    auto* message = google::protobuf::Arena::CreateMessage<xla::HloModuleProto>(arena);
    parsed = parse(message);
    module = message;
  } else if (summary.format == WireFormat::kHloProto) {
    auto* message = google::protobuf::Arena::CreateMessage<xla::HloProto>(arena);
    parsed = parse(message);
    module = &message->hlo_module();
  } else {
    auto* message = google::protobuf::Arena::CreateMessage<xla::HloSnapshot>(arena);
    parsed = parse(message);
    module = &message->hlo().hlo_module();
  }
  return parsed
             ? absl::OkStatus()
             : absl::InvalidArgumentError("module: not an HloModuleProto, HloProto or HloSnapshot");
}

absl::Status ReadReadable(ModuleFormat format, absl::string_view bytes, const ReadLimits& limits,
                          xla::HloModuleProto& module) {
  switch (format) {
    case ModuleFormat::kJson:
      return ReadJson(bytes, module);
    case ModuleFormat::kTextProto:
      return ReadTextProto(bytes, module);
    default:
      return ReadText(bytes, limits.max_instructions, limits.max_computations, module);
  }
}

}  // namespace

absl::StatusOr<HloModule> ReadModule(absl::string_view bytes, const ReadLimits& limits) {
  std::string inflated;
  if (IsGzip(bytes)) {
    ASSIGN_OR_RETURN(inflated, Gunzip(bytes, limits.max_bytes));
    bytes = inflated;
  }
  if (bytes.empty()) return absl::InvalidArgumentError("module: empty, must be an HLO module");
  if (static_cast<int64_t>(bytes.size()) > limits.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("module: ", bytes.size(), " bytes, must be at most ", limits.max_bytes));
  }
  HloModule module;
  google::protobuf::ArenaOptions options;
  options.start_block_size = 1 << 12;
  options.max_block_size = 1 << 16;
  module.arena = std::make_shared<google::protobuf::Arena>(options);
  module.format = FormatOf(bytes);
  if (module.format == ModuleFormat::kProto) {
    RETURN_IF_ERROR(ReadProto(bytes, limits, module.arena.get(), module.proto));
  } else {
    auto* message = google::protobuf::Arena::CreateMessage<xla::HloModuleProto>(module.arena.get());
    RETURN_IF_ERROR(ReadReadable(module.format, bytes, limits, *message));
    module.proto = message;
  }
  ASSIGN_OR_RETURN(module.index, CheckModule(*module.proto));
  module.byte_count = static_cast<int64_t>(bytes.size());
  module.sha256 = Sha256Hex(bytes);
  return module;
}

}  // namespace automap
