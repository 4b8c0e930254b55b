#include "planner/exporters/stages/export_stages.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "planner/exporters/stages/stage_module.h"
#include "planner/exporters/stages/stage_programs.h"
#include "planner/graph/element_type.h"
#include "planner/hlo/inline_calls.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

const char* PhaseName(StepPhase phase) {
  switch (phase) {
    case StepPhase::kForward:
      return "forward";
    case StepPhase::kBackward:
      return "backward";
    case StepPhase::kUpdate:
      return "update";
  }
  return "";
}

std::string ProgramName(const StageProgram& program) {
  return absl::StrCat("stage", program.stage, ".", PhaseName(program.phase),
                      program.round > 0 ? absl::StrCat(".", program.round) : "");
}

class StageExporter {
 public:
  explicit StageExporter(const PreparedModule& module) : module_(module) {}

  absl::StatusOr<std::vector<ExportedFile>> Run(const v1::Plan& plan) {
    ASSIGN_OR_RETURN(const std::vector<StagePlace> places, StagePlaces(module_, plan));
    RETURN_IF_ERROR(BuildInlined());
    if (graph_.node_count() != module_.graph().node_count())
      return absl::InternalError("a module without calls has other operations");
    programs_ = StagePrograms(graph_, values_, places);
    IndexTraffic();
    std::vector<ExportedFile> files;
    for (size_t p = 0; p < programs_.size(); ++p) {
      const std::string name = ProgramName(programs_[p]);
      ASSIGN_OR_RETURN(
          const xla::HloModuleProto module,
          StageModule(graph_, values_, programs_[p], AliasesOf(p),
                      absl::StrCat(module_.graph().module().proto->name(), ".", name)));
      files.push_back({absl::StrCat(name, ".hlo.pb"), module.SerializeAsString()});
    }
    files.push_back({"manifest.json", Manifest(plan).dump(1) + "\n"});
    return files;
  }

 private:
  absl::Status BuildInlined() {
    ASSIGN_OR_RETURN(HloModule inlined, InlineCalls(module_.graph().module()));
    const ComputationIndex* entry = &inlined.index.computations[inlined.index.entry];
    const xla::HloComputationProto* entry_proto = entry->proto;
    values_.leaves.resize(entry->size());
    const ValueVisitor visit = [&](const ComputationIndex& computation, int32_t instruction,
                                   absl::Span<const TensorId> leaves) {
      if (computation.proto != entry_proto) return;
      values_.leaves[instruction].assign(leaves.begin(), leaves.end());
    };
    ASSIGN_OR_RETURN(graph_, BuildGraph(std::move(inlined), visit));
    values_.definition.resize(graph_.tensor_count());
    for (size_t i = 0; i < values_.leaves.size(); ++i) {
      for (size_t leaf = 0; leaf < values_.leaves[i].size(); ++leaf) {
        Definition& definition = values_.definition[values_.leaves[i][leaf]];
        if (definition.instruction < 0)
          definition = {static_cast<int32_t>(i), static_cast<int32_t>(leaf)};
      }
    }
    return absl::OkStatus();
  }

  void IndexTraffic() {
    for (size_t p = 0; p < programs_.size(); ++p) {
      for (size_t r = 0; r < programs_[p].results.size(); ++r)
        made_by_[programs_[p].results[r]] = {static_cast<int32_t>(p), static_cast<int32_t>(r)};
      for (const TensorId tensor : programs_[p].imports) last_reader_[tensor] = p;
    }
    for (size_t i = 0; i < graph_.parameters().size(); ++i)
      parameter_of_[graph_.parameters()[i].tensor] = static_cast<int32_t>(i);
    for (size_t o = 0; o < graph_.outputs().size(); ++o)
      outputs_of_[graph_.outputs()[o].tensor].push_back(static_cast<int32_t>(o));
  }

  // The declared aliases that program `p` can keep.
  std::vector<StageAlias> AliasesOf(size_t p) const {
    const StageProgram& program = programs_[p];
    std::vector<StageAlias> aliases;
    for (size_t r = 0; r < program.results.size(); ++r) {
      const auto outputs = outputs_of_.find(program.results[r]);
      if (outputs == outputs_of_.end()) continue;
      const int32_t replaced = graph_.declared_aliases()[outputs->second.front()];
      if (replaced < 0) continue;
      const TensorId parameter = graph_.parameters()[replaced].tensor;
      const auto found = std::find(program.imports.begin(), program.imports.end(), parameter);
      if (found == program.imports.end() || last_reader_.at(parameter) != p) continue;
      aliases.push_back(
          {static_cast<int32_t>(r), static_cast<int32_t>(found - program.imports.begin())});
    }
    return aliases;
  }

  Json Manifest(const v1::Plan& plan) const {
    Json manifest;
    manifest["module"] = module_.graph().module().proto->name();
    manifest["stages"] = plan.stages_size();
    manifest["programs"] = Json::array();
    for (size_t p = 0; p < programs_.size(); ++p) manifest["programs"].push_back(ProgramJson(p));
    manifest["outputs"] = Json::array();
    for (const Leaf& output : graph_.outputs()) {
      Json entry = {{"outputNumber", output.number}};
      if (output.leaf_index >= 0) entry["leafIndex"] = output.leaf_index;
      entry.update(SourceJson(output.tensor));
      manifest["outputs"].push_back(std::move(entry));
    }
    return manifest;
  }

  Json ProgramJson(size_t p) const {
    const StageProgram& program = programs_[p];
    Json json = {{"file", absl::StrCat(ProgramName(program), ".hlo.pb")},
                 {"stage", program.stage},
                 {"phase", PhaseName(program.phase)},
                 {"parameters", Json::array()},
                 {"results", Json::array()},
                 {"aliases", Json::array()}};
    for (const TensorId tensor : program.imports) {
      Json parameter = SourceJson(tensor);
      parameter["shape"] = ShapeText(tensor);
      json["parameters"].push_back(std::move(parameter));
    }
    for (const TensorId tensor : program.results) {
      const Definition& made = values_.definition[tensor];
      const auto& entry = graph_.module().index.computations[graph_.module().index.entry];
      json["results"].push_back(
          {{"name", entry.instruction(made.instruction).name()}, {"shape", ShapeText(tensor)}});
    }
    for (const StageAlias& alias : AliasesOf(p))
      json["aliases"].push_back({{"result", alias.result}, {"parameter", alias.parameter}});
    return json;
  }

  // Where an array comes from: a parameter of the step, or a result of a program.
  Json SourceJson(TensorId tensor) const {
    const auto parameter = parameter_of_.find(tensor);
    if (parameter == parameter_of_.end()) {
      const auto& [program, result] = made_by_.at(tensor);
      return {{"program", program}, {"result", result}};
    }
    const Leaf& leaf = graph_.parameters()[parameter->second];
    Json json = {{"parameterNumber", leaf.number}};
    if (leaf.leaf_index >= 0) json["parameterLeaf"] = leaf.leaf_index;
    json["name"] = module_.roles().names[parameter->second];
    json["role"] = std::string(RoleName(module_.roles().of[parameter->second]));
    return json;
  }

  std::string ShapeText(TensorId tensor) const {
    const xla::ShapeProto& shape = ShapeOf(graph_, values_.definition[tensor]);
    return absl::StrCat(ElementTypeName(shape.element_type()), "[",
                        absl::StrJoin(shape.dimensions(), ","), "]");
  }

  const PreparedModule& module_;
  Graph graph_;  // of the module without calls
  EntryValues values_;
  std::vector<StageProgram> programs_;
  std::map<TensorId, std::pair<int32_t, int32_t>> made_by_;  // program, result
  std::map<TensorId, size_t> last_reader_;                   // program
  std::map<TensorId, int32_t> parameter_of_;
  std::map<TensorId, std::vector<int32_t>> outputs_of_;
};

}  // namespace

absl::StatusOr<std::vector<ExportedFile>> ExportStages(const PreparedModule& module,
                                                       const v1::Plan& plan) {
  return StageExporter(module).Run(plan);
}

}  // namespace automap
