#include "server/cli/inputs.h"

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "CLI/App.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{256} << 20;

absl::StatusOr<v1::Plan::Sharding::Role> RoleFromName(const std::string& name,
                                                      const std::string& path) {
  v1::Plan::Sharding::Role role;
  if (v1::Plan::Sharding::Role_Parse(absl::AsciiStrToUpper(name), &role) && role != 0) return role;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ".role: \"", name,
                   "\", must be variable, optimizer_state, other_state, input or constant"));
}

// Small files like the zoo's come gzipped; zlib reads both.
absl::StatusOr<std::string> ReadMaybeGzipped(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  std::string bytes;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof(buffer))) > 0 &&
         static_cast<int64_t>(bytes.size()) <= kMaxFileBytes) {
    bytes.append(buffer, count);
  }
  gzclose(file);
  if (count < 0) return absl::InvalidArgumentError(absl::StrCat(path, ": broken gzip data"));
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
      return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder"));
    file.open(path, std::ios::binary);
    if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  }
  std::istream& stream = path == "-" ? std::cin : file;
  std::string bytes;
  std::vector<char> buffer(1 << 20);
  while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0) {
    bytes.append(buffer.data(), stream.gcount());
    if (static_cast<int64_t>(bytes.size()) > kMaxFileBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": more than ", kMaxFileBytes, " bytes"));
    }
  }
  return bytes;
}

absl::StatusOr<v1::Cluster> ReadCluster(const std::string& name_or_path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(name_or_path, error)) return ClusterPreset(name_or_path);
  ASSIGN_OR_RETURN(const std::string json, ReadFile(name_or_path));
  ASSIGN_OR_RETURN(v1::Cluster cluster, ClusterFromJson(json));
  RETURN_IF_ERROR(ClusterFromProto(cluster).status());
  return cluster;
}

absl::StatusOr<google::protobuf::RepeatedPtrField<v1::ParameterRole>> ReadRoles(
    const std::string& path) {
  google::protobuf::RepeatedPtrField<v1::ParameterRole> roles;
  if (path.empty()) return roles;
  ASSIGN_OR_RETURN(const std::string text, ReadMaybeGzipped(path));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("parameters") || !json["parameters"].is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must be JSON with a list \"parameters\""));
  }
  for (size_t i = 0; i < json["parameters"].size(); ++i) {
    const auto& item = json["parameters"][i];
    const std::string where = absl::StrCat(path, ": parameters[", i, "]");
    if (!item.is_object() || !item.contains("index") || !item["index"].is_number_integer()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ".index: missing, must be a parameter number"));
    }
    v1::ParameterRole& role = *roles.Add();
    role.set_index(item["index"].get<int32_t>());
    if (item.contains("role") && item["role"].is_string()) {
      ASSIGN_OR_RETURN(const auto value, RoleFromName(item["role"].get<std::string>(), where));
      role.set_role(value);
    }
    if (item.contains("name") && item["name"].is_string())
      role.set_name(item["name"].get<std::string>());
    if (item.contains("updatedBy") && item["updatedBy"].is_number_integer())
      role.set_updated_by(item["updatedBy"].get<int32_t>());
  }
  return roles;
}

absl::StatusOr<google::protobuf::RepeatedPtrField<v1::ProfileEntry>> ReadProfile(
    const std::string& path) {
  google::protobuf::RepeatedPtrField<v1::ProfileEntry> entries;
  if (path.empty()) return entries;
  ASSIGN_OR_RETURN(const std::string text, ReadMaybeGzipped(path));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("entries") || !json["entries"].is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": must be JSON with a list \"entries\""));
  }
  for (size_t i = 0; i < json["entries"].size(); ++i) {
    v1::ProfileEntry& entry = *entries.Add();
    const auto status =
        google::protobuf::util::JsonStringToMessage(json["entries"][i].dump(), &entry);
    if (status.ok()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": entries[", i, "]: ", std::string(status.message())));
  }
  return entries;
}

absl::StatusOr<v1::Plan> ReadPlan(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  v1::Plan plan;
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
  if (!text.empty() && text.front() == '{') {
    const auto status =
        google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &plan);
    if (!status.ok())
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(status.message())));
  } else if (bytes.empty() || !plan.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is no plan"));
  }
  return plan;
}

void AddAllowOption(CLI::App& command, std::vector<std::string>& allow) {
  command
      .add_option("--allow", allow,
                  "beyond strict propagation: composite-splits, padding, deferred-sums, reshards; "
                  "strict for none")
      ->delimiter(',');
}

std::string PlanJson(const v1::Plan& plan) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(plan, &json, options);
  return json;
}

}  // namespace automap
