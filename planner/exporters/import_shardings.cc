#include "planner/exporters/import_shardings.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "planner/exporters/op_sharding.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

absl::Status Refuse(absl::string_view path, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": must be ", expected));
}

// "model", ["data", "model"] or null.
absl::StatusOr<std::string> AxesOfDim(const Json& dim, const std::string& path) {
  if (dim.is_null()) return std::string();
  if (dim.is_string()) return dim.get<std::string>();
  std::vector<std::string> names;
  for (const Json& name : dim) {
    if (!name.is_string()) return Refuse(path, "an axis, a list of axes or null");
    names.push_back(name.get<std::string>());
  }
  return absl::StrJoin(names, ",");
}

absl::Status ReadSpec(const Json& spec, const std::string& path, v1::Plan::Sharding& sharding) {
  if (!spec.is_array()) return Refuse(path, "a list with an entry per dim");
  for (const Json& dim : spec) {
    ASSIGN_OR_RETURN(const std::string axes, AxesOfDim(dim, path));
    sharding.add_dim_axes(axes);
  }
  return absl::OkStatus();
}

// #sdy.sharding<@mesh, [{"data", "model"}, {}]>.
absl::Status ReadShardy(const Json& attribute, const std::string& path,
                        v1::Plan::Sharding& sharding) {
  const std::string text = attribute.is_string() ? attribute.get<std::string>() : "";
  const size_t begin = text.find('['), end = text.rfind(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return Refuse(path, "#sdy.sharding<@mesh, [{...}, ...]>");
  }
  const std::string dims = text.substr(begin + 1, end - begin - 1);
  for (size_t at = dims.find('{'); at != std::string::npos; at = dims.find('{', at + 1)) {
    const size_t close = dims.find('}', at);
    if (close == std::string::npos) return Refuse(path, "closed braces");
    std::string axes = dims.substr(at + 1, close - at - 1);
    std::erase_if(axes, [](char c) { return c == '"' || c == ' '; });
    sharding.add_dim_axes(axes);
  }
  return absl::OkStatus();
}

// <["data"=2, "model"=4]>.
absl::Status ReadShardyMesh(const std::string& text, v1::Plan& plan) {
  std::string axes = text;
  std::erase_if(axes, [](char c) { return std::string("<[]>\" ").find(c) != std::string::npos; });
  for (const absl::string_view axis : absl::StrSplit(axes, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> name_size = absl::StrSplit(axis, '=');
    int32_t size = 0;
    if (!absl::SimpleAtoi(name_size.second, &size)) return Refuse("mesh", "<[\"axis\"=size, ...]>");
    plan.add_mesh()->set_name(name_size.first);
    plan.mutable_mesh(plan.mesh_size() - 1)->set_size(size);
  }
  return absl::OkStatus();
}

absl::Status ReadMesh(const Json& mesh, v1::Plan& plan) {
  if (mesh.is_string()) return ReadShardyMesh(mesh.get<std::string>(), plan);
  for (size_t i = 0; mesh.is_array() && i < mesh.size(); ++i) {
    if (!mesh[i].is_object() || !mesh[i].contains("name") || !mesh[i]["name"].is_string() ||
        !mesh[i].contains("size") || !mesh[i]["size"].is_number_integer()) {
      return Refuse(absl::StrCat("mesh[", i, "]"), "{\"name\": ..., \"size\": ...}");
    }
    plan.add_mesh()->set_name(mesh[i]["name"].get<std::string>());
    plan.mutable_mesh(static_cast<int>(i))->set_size(mesh[i]["size"].get<int32_t>());
  }
  return absl::OkStatus();
}

// The names of an array's axes, dim by dim, major first.
void FillSharding(const MeshSharding& sharding,
                  const google::protobuf::RepeatedPtrField<v1::Plan::MeshAxis>& mesh,
                  v1::Plan::Sharding& message) {
  for (const std::vector<int32_t>& axes : sharding.dim_axes) {
    std::vector<std::string> names;
    for (const int32_t axis : axes) names.push_back(mesh[axis].name());
    message.add_dim_axes(absl::StrJoin(names, ","));
  }
}

}  // namespace

absl::StatusOr<v1::Plan> ImportShardings(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const bool is_shardy = json.is_object() && json.contains("arguments");
  const char* list = is_shardy ? "arguments" : "parameters";
  const char* key = is_shardy ? "sharding" : "spec";
  if (!json.is_object() || !json.contains("mesh") || !json.contains(list)) {
    return Refuse("shardings", "the JSON of `automap export --format partition-spec` or shardy");
  }
  v1::Plan plan;
  RETURN_IF_ERROR(ReadMesh(json["mesh"], plan));
  for (size_t i = 0; i < json[list].size(); ++i) {
    const Json& entry = json[list][i];
    const std::string path = absl::StrCat(list, "[", i, "]");
    if (!entry.is_object() || !entry.contains("parameterNumber") || !entry.contains(key) ||
        !entry["parameterNumber"].is_number_integer()) {
      return Refuse(path, absl::StrCat("an object with parameterNumber and ", key));
    }
    v1::Plan::Sharding& sharding = *plan.add_shardings();
    sharding.set_parameter_number(entry["parameterNumber"].get<int32_t>());
    RETURN_IF_ERROR(is_shardy ? ReadShardy(entry[key], path, sharding)
                              : ReadSpec(entry[key], path, sharding));
  }
  return plan;
}

absl::StatusOr<v1::Plan> ImportShardings(
    const Graph& graph, const google::protobuf::RepeatedPtrField<v1::Plan::MeshAxis>& mesh) {
  std::vector<int64_t> sizes;
  for (const v1::Plan::MeshAxis& axis : mesh) sizes.push_back(axis.size());
  const ComputationIndex& entry = graph.module().index.computations[graph.module().index.entry];
  v1::Plan plan;
  *plan.mutable_mesh() = mesh;
  for (const Leaf& leaf : graph.parameters()) {
    v1::Plan::Sharding& message = *plan.add_shardings();
    message.set_parameter_number(leaf.number);
    if (leaf.leaf_index >= 0) message.set_leaf_index(leaf.leaf_index);
    const int rank = graph.tensor(leaf.tensor).rank;
    const auto& instruction = entry.instruction(entry.parameters[leaf.number]);
    MeshSharding sharding = {sizes, std::vector<std::vector<int32_t>>(rank)};
    if (instruction.has_sharding()) {
      const xla::OpSharding& given = instruction.sharding();
      const bool is_leaf = leaf.leaf_index >= 0 && given.type() == xla::OpSharding::TUPLE;
      if (is_leaf && leaf.leaf_index >= given.tuple_shardings_size()) {
        return Refuse(absl::StrCat("parameter ", leaf.number), "a sharding per leaf");
      }
      ASSIGN_OR_RETURN(
          sharding,
          FromOpSharding(is_leaf ? given.tuple_shardings(leaf.leaf_index) : given, rank, sizes));
    }
    FillSharding(sharding, mesh, message);
  }
  return plan;
}

}  // namespace automap
