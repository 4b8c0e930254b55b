// apply_splits MODULE --axis NAME:SIZE:WHAT ... [--hlo OUT] [--pinned OUT]: what a set of splits
// means, as JSON, for comparison with XLA: shardings, every collective with shape and place,
// parameter bytes per device. WHAT is `#N:DIM,#N:DIM,...`, `inputs` (dim 0 of every input that can
// be split), or `random:SEED` (linkage groups of the variables in random order, each with
// probability 0.7).
#include <fstream>
#include <iostream>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "planner/exporters/export_hlo.h"
#include "planner/exporters/export_json.h"
#include "planner/graph/element_type.h"
#include "planner/plan/decisions.h"
#include "planner/plan/parameter_name.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

// Keeps those of `wanted` that can be split together, in order.
std::vector<ParameterDim> Compatible(const PreparedModule& module, int32_t axis_size,
                                     const PriorSplits& prior,
                                     const std::vector<ParameterDim>& wanted) {
  Propagation propagation(module.wiring(), {axis_size, false}, &prior);
  std::vector<ParameterDim> kept;
  for (const ParameterDim& place : wanted) {
    const TensorId tensor = module.graph().parameters()[place.parameter].tensor;
    if (propagation.split_dim(tensor) >= 0) continue;
    if (!propagation.Split({tensor, place.dim})) kept.push_back(place);
  }
  return kept;
}

std::vector<ParameterDim> Inputs(const PreparedModule& module, int32_t axis_size) {
  std::vector<ParameterDim> wanted;
  for (size_t p = 0; p < module.graph().parameters().size(); ++p) {
    const Tensor& tensor = module.graph().tensor(module.graph().parameters()[p].tensor);
    const bool divides = tensor.rank > 0 && tensor.dims[0] % axis_size == 0;
    if (module.roles().of[p] == Role::kInput && divides) {
      wanted.push_back({static_cast<int32_t>(p), 0});
    }
  }
  return wanted;
}

std::vector<ParameterDim> RandomGroups(const PreparedModule& module, int32_t axis_size,
                                       const PriorSplits& prior, uint64_t seed) {
  std::mt19937_64 random(seed);
  LinkageGroups found = FindLinkageGroups(module.wiring(), module.roles(), Role::kVariable,
                                          {axis_size, false}, &prior);
  std::shuffle(found.groups.begin(), found.groups.end(), random);
  std::vector<ParameterDim> wanted;
  for (const LinkageGroup& group : found.groups) {
    if (random() % 10 < 7) wanted.push_back(group.members.front());
  }
  return wanted;
}

absl::StatusOr<AxisDecisions> ParseAxis(const PreparedModule& module, const std::string& text,
                                        const PriorSplits& prior) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 2));
  AxisDecisions axis;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &axis.size) || axis.size < 2) {
    return absl::InvalidArgumentError(absl::StrCat("--axis ", text, ": must be NAME:SIZE:WHAT"));
  }
  axis.name = parts[0];
  std::vector<ParameterDim> wanted;
  uint64_t seed = 0;
  if (parts[2] == "inputs") {
    wanted = Inputs(module, axis.size);
  } else if (absl::StartsWith(parts[2], "random:") && absl::SimpleAtoi(parts[2].substr(7), &seed)) {
    wanted = RandomGroups(module, axis.size, prior, seed);
  } else {
    for (const absl::string_view place : absl::StrSplit(parts[2], ',', absl::SkipEmpty())) {
      const std::pair<std::string, std::string> name_dim = absl::StrSplit(place, ':');
      ASSIGN_OR_RETURN(const int32_t parameter, FindParameter(module, name_dim.first));
      ParameterDim split = {parameter, 0};
      if (!absl::SimpleAtoi(name_dim.second, &split.dim)) {
        return absl::InvalidArgumentError(absl::StrCat(place, ": must be #N:DIM"));
      }
      wanted.push_back(split);
    }
  }
  axis.splits = Compatible(module, axis.size, prior, wanted);
  return axis;
}

Json Collectives(const PreparedModule& module, const Decisions& decisions,
                 absl::Span<const Propagation* const> axes) {
  const Graph& graph = module.graph();
  Json list = Json::array();
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    for (const int32_t entry : axes[axis]->trail()) {
      if (Propagation::IsTensor(entry)) continue;
      const NodeId node = Propagation::AsNode(entry);
      for (const TensorId result : module.wiring().partial_results(axes[axis]->selected(node))) {
        const int64_t parts = PartsOf(result, axes);
        Json shape = Json::array();
        std::vector<int64_t> dims(graph.tensor(result).shape().begin(),
                                  graph.tensor(result).shape().end());
        for (size_t other = 0; other < axes.size(); ++other) {
          const int32_t dim = axes[other]->split_dim(result);
          if (dim >= 0) dims[dim] /= axes[other]->options().axis_size;
        }
        list.push_back({{"kind", "all-reduce"},
                        {"axis", decisions.axes[axis].name},
                        {"dtype", ElementTypeName(graph.tensor(result).type)},
                        {"shape", dims},
                        {"bytes", module.lowering().SizeOf(result).value / parts},
                        {"trips", graph.node(node).trips},
                        {"path", graph.Path(node)}});
      }
    }
  }
  return list;
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

absl::Status Run(const std::vector<std::string>& arguments) {
  std::ifstream file(arguments.at(0), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ASSIGN_OR_RETURN(const auto module, PreparedModule::Create(bytes, {}));
  Decisions decisions;
  PriorSplits prior;
  std::string hlo, pinned;
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) {
    if (arguments[i] == "--hlo") hlo = arguments[i + 1];
    if (arguments[i] == "--pinned") pinned = arguments[i + 1];
    if (arguments[i] != "--axis") continue;
    ASSIGN_OR_RETURN(AxisDecisions axis, ParseAxis(*module, arguments[i + 1], prior));
    decisions.axes.push_back(std::move(axis));
    ASSIGN_OR_RETURN(const AppliedDecisions so_far, AppliedDecisions::Create(*module, decisions));
    prior = so_far.splits();
  }
  ASSIGN_OR_RETURN(const AppliedDecisions applied, AppliedDecisions::Create(*module, decisions));
  const auto axes = applied.axes();
  Json json = PartitionSpecJson(*module, decisions, axes);
  json["collectives"] = Collectives(*module, decisions, axes);
  double bytes_per_device = 0;
  int64_t splits = 0;
  for (const Leaf& leaf : module->graph().parameters()) {
    const int64_t parts = PartsOf(leaf.tensor, axes);
    splits += parts > 1;
    bytes_per_device += module->lowering().SizeOf(leaf.tensor).value / parts;
  }
  json["parameterBytesPerDevice"] = static_cast<int64_t>(bytes_per_device);
  json["splitParameters"] = splits;
  json["unsupported"] = module->Unsupported();
  if (!hlo.empty()) {
    ASSIGN_OR_RETURN(const std::string out, ExportHlo(bytes, *module, axes, false));
    Write(hlo, out);
  }
  if (!pinned.empty()) {
    ASSIGN_OR_RETURN(const std::string out, ExportHlo(bytes, *module, axes, true));
    Write(pinned, out);
  }
  std::cout << json.dump() << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr
        << "usage: apply_splits MODULE --axis NAME:SIZE:WHAT ... [--hlo OUT] [--pinned OUT]\n";
    return 2;
  }
  const absl::Status status = automap::Run({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::cerr << status.message() << "\n";
  return 3;
}
