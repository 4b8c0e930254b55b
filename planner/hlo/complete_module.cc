#include "planner/hlo/complete_module.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace automap {
namespace {

void SetProgramShape(xla::HloComputationProto& computation) {
  std::vector<const xla::HloInstructionProto*> parameters;
  const xla::HloInstructionProto* root = nullptr;
  for (const auto& instruction : computation.instructions()) {
    if (instruction.opcode() == "parameter") parameters.push_back(&instruction);
    if (instruction.id() == computation.root_id()) root = &instruction;
  }
  std::vector<const xla::HloInstructionProto*> by_number(parameters.size(), nullptr);
  for (const auto* parameter : parameters) {
    const int64_t number = parameter->parameter_number();
    if (number < 0 || number >= static_cast<int64_t>(parameters.size())) return;
    by_number[number] = parameter;
  }
  for (const auto* parameter : by_number) {
    if (parameter == nullptr) return;
  }
  if (root == nullptr) return;
  xla::ProgramShapeProto& shape = *computation.mutable_program_shape();
  shape.Clear();
  for (const auto* parameter : by_number) {
    *shape.add_parameters() = parameter->shape();
    shape.add_parameter_names(parameter->name());
  }
  *shape.mutable_result() = root->shape();
}

// Names that are taken, with the last number that was put behind them.
using Names = absl::flat_hash_map<std::string, int>;

// Row major where nothing is said: what enters and leaves the step is never laid out at XLA's
// choice.
void SetDefaultLayout(xla::ShapeProto& shape) {
  for (auto& element : *shape.mutable_tuple_shapes()) SetDefaultLayout(element);
  if (shape.has_layout() || shape.tuple_shapes_size() > 0) return;
  for (int dim = shape.dimensions_size(); dim-- > 0;) {
    shape.mutable_layout()->add_minor_to_major(dim);
  }
}

// A convolution without space has a window without dims, which is not written.
void AddEmptyWindows(xla::HloComputationProto& computation) {
  for (auto& instruction : *computation.mutable_instructions()) {
    if (instruction.opcode() == "convolution") instruction.mutable_window();
  }
}

void MakeNamesUnique(xla::HloComputationProto& computation, Names& names) {
  for (auto& instruction : *computation.mutable_instructions()) {
    std::string name = instruction.name();
    if (names.emplace(name, 0).second) continue;
    do {
      name = absl::StrCat(instruction.name(), ".", ++names[instruction.name()]);
    } while (!names.emplace(name, 0).second);
    instruction.set_name(name);
  }
}

}  // namespace

void CompleteModule(xla::HloModuleProto& module) {
  Names names;
  for (const bool entry : {true, false}) {
    for (auto& computation : *module.mutable_computations()) {
      const bool is_entry = computation.id() == module.entry_computation_id();
      if (is_entry == entry) MakeNamesUnique(computation, names);
    }
  }
  for (auto& computation : *module.mutable_computations()) {
    AddEmptyWindows(computation);
    SetProgramShape(computation);
    if (computation.id() == module.entry_computation_id() && computation.has_program_shape()) {
      xla::ProgramShapeProto& shape = *module.mutable_host_program_shape();
      shape = computation.program_shape();
      for (auto& parameter : *shape.mutable_parameters()) SetDefaultLayout(parameter);
      SetDefaultLayout(*shape.mutable_result());
    }
  }
}

}  // namespace automap
