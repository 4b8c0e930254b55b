#include "planner/exporters/export_json.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "planner/exporters/op_sharding.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::vector<std::string>;

// Names of the axes of each dim.
std::vector<Names> AxisNames(TensorId tensor, const Decisions& decisions,
                             absl::Span<const Propagation* const> axes) {
  std::vector<Names> names;
  for (const auto& dim : ShardingOf(tensor, axes).dim_axes) {
    Names& of_dim = names.emplace_back();
    for (const int32_t axis : dim) of_dim.push_back(decisions.axes[axis].name);
  }
  return names;
}

Json Spec(const std::vector<Names>& dims) {
  Json spec = Json::array();
  for (const Names& names : dims) {
    if (names.empty()) {
      spec.push_back(nullptr);
    } else if (names.size() == 1) {
      spec.push_back(names[0]);
    } else {
      spec.push_back(names);
    }
  }
  return spec;
}

std::string ShardyAttribute(const std::vector<Names>& dims) {
  std::vector<std::string> text;
  for (const Names& names : dims) {
    text.push_back(names.empty() ? "{}"
                                 : absl::StrCat("{\"", absl::StrJoin(names, "\", \""), "\"}"));
  }
  return absl::StrCat("#sdy.sharding<@mesh, [", absl::StrJoin(text, ", "), "]>");
}

// Parameters and results with their shardings, in one tool's words.
class ShardingLists {
 public:
  ShardingLists(const PreparedModule& module, const Decisions& decisions,
                absl::Span<const Propagation* const> axes)
      : module_(module), decisions_(decisions), axes_(axes) {}

  // One entry per leaf; `value` makes what stands under `key` of the names of each dim's axes.
  template <typename MakeValue>
  Json Parameters(const char* key, const MakeValue& value) const {
    Json entries = Json::array();
    const auto& leaves = module_.graph().parameters();
    for (size_t p = 0; p < leaves.size(); ++p) {
      Json entry = Entry(leaves[p], "parameterNumber");
      entry["name"] = module_.roles().names[p];
      entry[key] = value(AxisNames(leaves[p].tensor, decisions_, axes_));
      entries.push_back(std::move(entry));
    }
    return entries;
  }

  template <typename MakeValue>
  Json Results(const char* key, const MakeValue& value) const {
    Json entries = Json::array();
    const auto& leaves = module_.graph().outputs();
    for (size_t o = 0; o < leaves.size(); ++o) {
      Json entry = Entry(leaves[o], "outputNumber");
      entry[key] = value(AxisNames(module_.StoredAs(o), decisions_, axes_));
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  static Json Entry(const Leaf& leaf, const char* number) {
    Json entry = {{number, leaf.number}};
    if (leaf.leaf_index >= 0) entry["leafIndex"] = leaf.leaf_index;
    return entry;
  }

  const PreparedModule& module_;
  const Decisions& decisions_;
  const absl::Span<const Propagation* const> axes_;
};

}  // namespace

Json PartitionSpecJson(const PreparedModule& module, const Decisions& decisions,
                       absl::Span<const Propagation* const> axes) {
  Json json = {{"mesh", Json::array()}};
  for (const AxisDecisions& axis : decisions.axes) {
    json["mesh"].push_back({{"name", axis.name}, {"size", axis.size}});
  }
  const ShardingLists lists(module, decisions, axes);
  json["parameters"] = lists.Parameters("spec", Spec);
  json["outputs"] = lists.Results("spec", Spec);
  return json;
}

Json ShardyJson(const PreparedModule& module, const Decisions& decisions,
                absl::Span<const Propagation* const> axes) {
  std::vector<std::string> mesh;
  for (const AxisDecisions& axis : decisions.axes) {
    mesh.push_back(absl::StrCat("\"", axis.name, "\"=", axis.size));
  }
  Json json = {{"mesh", absl::StrCat("<[", absl::StrJoin(mesh, ", "), "]>")}};
  const ShardingLists lists(module, decisions, axes);
  json["arguments"] = lists.Parameters("sharding", ShardyAttribute);
  json["results"] = lists.Results("sharding", ShardyAttribute);
  return json;
}

}  // namespace automap
