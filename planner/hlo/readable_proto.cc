#include "planner/hlo/readable_proto.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"

namespace automap {
namespace {

absl::Status Parse(absl::string_view json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &message, options);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("module: JSON: ", std::string(status.message())));
}

// Keeps the first error.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status ParseText(absl::string_view text, google::protobuf::Message& message) {
  google::protobuf::TextFormat::Parser parser;
  FirstError error;
  parser.RecordErrorsTo(&error);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(100);
  if (parser.ParseFromString(std::string(text), &message)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("module: protobuf text: ", error.text()));
}

}  // namespace

bool IsTextProto(absl::string_view text) {
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(text).substr(0, 64);
  for (const absl::string_view field :
       {"hlo_module", "name", "entry_computation_name", "computations"}) {
    if (!absl::StartsWith(start, field)) continue;
    const absl::string_view rest = absl::StripLeadingAsciiWhitespace(start.substr(field.size()));
    const bool is_string = field == "name" || field == "entry_computation_name";
    if (absl::StartsWith(rest, is_string ? ":" : "{")) return true;
  }
  return false;
}

absl::Status ReadTextProto(absl::string_view text, xla::HloModuleProto& module) {
  if (!absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "hlo_module"))
    return ParseText(text, module);
  xla::HloProto outer;
  const absl::Status status = ParseText(text, outer);
  if (status.ok()) module.Swap(outer.mutable_hlo_module());
  return status;
}

absl::Status ReadJson(absl::string_view json, xla::HloModuleProto& module) {
  const absl::string_view head = json.substr(0, 4096);
  if (absl::StrContains(head, "\"hloModule\"") || absl::StrContains(head, "\"hlo_module\"")) {
    xla::HloProto outer;
    const absl::Status status = Parse(json, outer);
    if (status.ok()) module.Swap(outer.mutable_hlo_module());
    return status;
  }
  return Parse(json, module);
}

}  // namespace automap
