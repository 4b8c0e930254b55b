// apply_splits MODULE --axis NAME:SIZE:WHAT ... [--border OUT] [--values OUT] [--reads OUT]
//
// What a set of splits means, as JSON, for comparison with XLA: shardings, every collective with
// shape and place, parameter bytes per device; and the module with that much of it pinned. WHAT is
// `#N:DIM,#N:DIM,...`, `inputs` (dim 0 of every input that can be split), or `random:SEED` (linkage
// groups of the variables in random order, each with probability 0.7).
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "planner/exporters/export_hlo.h"
#include "planner/exporters/export_json.h"
#include "planner/graph/element_type.h"
#include "planner/plan/communication.h"
#include "planner/plan/decisions.h"
#include "planner/plan/parameter_name.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

const std::map<std::string, Pins> kPins = {
    {"--border", Pins::kBorder}, {"--values", Pins::kValues}, {"--reads", Pins::kReads}};

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

// What a device holds of an array.
std::vector<int64_t> LocalShape(const Tensor& tensor, TensorId id,
                                absl::Span<const Propagation* const> axes) {
  std::vector<int64_t> dims(tensor.shape().begin(), tensor.shape().end());
  for (const Propagation* axis : axes) {
    const int32_t dim = axis->split_dim(id);
    if (dim >= 0) dims[dim] /= axis->options().axis_size;
  }
  return dims;
}

// Every collective; one over several axes where an array is combined over each of them, as a
// partitioner does it.
Json Collectives(const PreparedModule& module, const Decisions& decisions,
                 absl::Span<const Propagation* const> axes) {
  const Graph& graph = module.graph();
  std::map<TensorId, Json> by_tensor;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    for (const PlacedCollective& placed :
         CollectivesOf(module.lowering(), static_cast<int32_t>(axis), axes)) {
      Json& entry = by_tensor[placed.tensor];
      if (entry.is_object()) {
        entry["axis"] = entry["axis"].get<std::string>() + "," + decisions.axes[axis].name;
        continue;
      }
      const Tensor& tensor = graph.tensor(placed.tensor);
      entry = {{"kind", "all-reduce"},
               {"axis", decisions.axes[axis].name},
               {"dtype", ElementTypeName(tensor.type)},
               {"shape", LocalShape(tensor, placed.tensor, axes)},
               {"trips", placed.step.repeats},
               {"path", graph.Path(placed.node)}};
    }
  }
  Json list = Json::array();
  for (auto& [tensor, entry] : by_tensor) list.push_back(std::move(entry));
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
  std::map<Pins, std::string> outputs;
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const auto pins = kPins.find(arguments[i]);
    if (pins != kPins.end()) outputs[pins->second] = arguments[i + 1];
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
    const double parts = PartsOf(leaf.tensor, axes);
    splits += parts > 1;
    bytes_per_device += module->lowering().SizeOf(leaf.tensor).value / parts;
  }
  json["parameterBytesPerDevice"] = static_cast<int64_t>(bytes_per_device);
  json["splitParameters"] = splits;
  json["unsupported"] = module->Unsupported();
  for (const auto& [pins, path] : outputs) {
    ASSIGN_OR_RETURN(const std::string out, ExportHlo(bytes, *module, axes, pins));
    Write(path, out);
  }
  std::cout << json.dump() << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr
        << "usage: apply_splits MODULE --axis NAME:SIZE:WHAT ... [--border OUT] [--values OUT] "
           "[--reads OUT]\n";
    return 2;
  }
  const absl::Status status = automap::Run({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::cerr << status.message() << "\n";
  return 3;
}
