#include "planner/hlo/check_module.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/check_calls.h"
#include "planner/hlo/check_shapes.h"
#include "planner/hlo/check_types.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Computation = xla::HloComputationProto;

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Place of each instruction by its id within the computation (the low 32 bits). Producers count
// ids up, so that a table from the first id on finds nearly all of them.
class PlaceTable {
 public:
  explicit PlaceTable(const Computation& computation)
      : first_(computation.instructions_size() > 0 ? LocalId(computation.instructions(0).id()) : 0),
        near_(2 * computation.instructions_size() + 16, -1) {}

  // False if the id is taken.
  bool Add(int64_t id, int32_t place) {
    const uint32_t offset = LocalId(id) - first_;
    if (offset >= near_.size()) return far_.emplace(LocalId(id), place).second;
    if (near_[offset] >= 0) return false;
    near_[offset] = place;
    return true;
  }

  // -1 if there is none.
  int32_t Find(int64_t id) const {
    const uint32_t offset = LocalId(id) - first_;
    if (offset < near_.size()) return near_[offset];
    const auto found = far_.find(LocalId(id));
    return found == far_.end() ? -1 : found->second;
  }

 private:
  static uint32_t LocalId(int64_t id) { return static_cast<uint32_t>(id); }

  const uint32_t first_;
  std::vector<int32_t> near_;
  absl::flat_hash_map<uint32_t, int32_t> far_;
};

class ModuleChecker {
 public:
  explicit ModuleChecker(const xla::HloModuleProto& module) : module_(module) {}

  absl::StatusOr<ModuleIndex> Check() {
    if (module_.computations().empty()) {
      return Refuse("computations: none, must be at least one; is this an HLO module?");
    }
    RETURN_IF_ERROR(IndexComputations());
    for (size_t c = 0; c < index_.computations.size(); ++c) {
      const std::string path = absl::StrCat("computations[", c, "]");
      RETURN_IF_ERROR(CheckComputation(index_.computations[c], path));
    }
    RETURN_IF_ERROR(CheckCalls(index_));
    RETURN_IF_ERROR(CheckAliases());
    return std::move(index_);
  }

 private:
  absl::Status IndexComputations() {
    for (int c = 0; c < module_.computations_size(); ++c) {
      const Computation& computation = module_.computations(c);
      if (computation.name().empty()) return Refuse("computations[", c, "].name: missing");
      index_.computations.emplace_back().proto = &computation;
      index_.by_id.emplace_back(computation.id(), c);
    }
    auto& by_id = index_.by_id;
    std::sort(by_id.begin(), by_id.end());
    const auto same =
        std::adjacent_find(by_id.begin(), by_id.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; });
    if (same != by_id.end()) {
      return Refuse("computations[", (same + 1)->second, "].id: ", same->first, ", must be unique");
    }
    const int64_t entry = module_.entry_computation_id();
    index_.entry = index_.Find(entry);
    return index_.entry >= 0
               ? absl::OkStatus()
               : Refuse("entry_computation_id: ", entry, ", must be the id of a computation");
  }

  absl::Status CheckComputation(ComputationIndex& index, const std::string& path) {
    const Computation& computation = *index.proto;
    const int count = computation.instructions_size();
    if (count == 0) return Refuse(path, ".instructions: none, must be at least one");
    PlaceTable places(computation);
    index.opcodes.reserve(count);
    index.operand_begin.reserve(count + 1);
    for (int i = 0; i < count; ++i) {
      const Instruction& instruction = computation.instructions(i);
      absl::Status status = AddInstruction(instruction, places, index);
      if (status.ok()) status = CheckInstruction(instruction, i, index);
      if (!status.ok()) return Refuse(path, ".instructions[", i, "].", status.message());
      if (!places.Add(instruction.id(), i)) {
        return Refuse(path, ".instructions[", i, "].id: ", instruction.id(),
                      ", must be unique in its computation");
      }
    }
    index.operand_begin.push_back(index.operands.size());
    index.operands.shrink_to_fit();
    index.root = places.Find(computation.root_id());
    if (index.root < 0) {
      return Refuse(path, ".root_id: ", computation.root_id(),
                    ", must be the id of an instruction");
    }
    const auto missing = std::find(index.parameters.begin(), index.parameters.end(), -1);
    if (missing == index.parameters.end()) return absl::OkStatus();
    return Refuse(path, ": parameter ", missing - index.parameters.begin(),
                  " is missing, numbers must be 0 .. n-1");
  }

  // Messages of this and the next begin with the field, relative to the instruction.
  absl::Status AddInstruction(const Instruction& instruction, const PlaceTable& places,
                              ComputationIndex& index) {
    index.operand_begin.push_back(index.operands.size());
    index.opcodes.push_back(OpcodeFromName(instruction.opcode()));
    operands_.clear();
    for (int o = 0; o < instruction.operand_ids_size(); ++o) {
      const int32_t place = places.Find(instruction.operand_ids(o));
      if (place < 0) {
        return Refuse("operand_ids[", o, "]: ", instruction.operand_ids(o),
                      ", must be the id of an earlier instruction");
      }
      index.operands.push_back(place);
      operands_.push_back(&index.instruction(place).shape());
    }
    return absl::OkStatus();
  }

  absl::Status CheckInstruction(const Instruction& instruction, int32_t i,
                                ComputationIndex& index) {
    if (instruction.name().empty()) return Refuse("name: missing");
    if (instruction.opcode().empty()) return Refuse("opcode: missing");
    if (!instruction.has_shape()) return Refuse("shape: missing");
    RETURN_IF_ERROR(types_.Check(instruction.shape(), "shape"));
    const Opcode opcode = index.opcodes[i];
    const bool calls = !instruction.called_computation_ids().empty() || NeedsCallee(opcode);
    if (calls) index.callers.push_back(i);
    if (opcode == Opcode::kParameter) RETURN_IF_ERROR(AddParameter(instruction, i, index));
    const OpcodeTraits& traits = TraitsOf(opcode);
    const int count = operands_.size();
    if (count < traits.min_operands || (traits.max_operands >= 0 && count > traits.max_operands)) {
      return Refuse("operand_ids: ", count, " of them, ", instruction.opcode(), " takes ",
                    traits.min_operands, traits.max_operands < 0 ? " or more" : "");
    }
    const Complaint complaint = CheckShapes(opcode, instruction, operands_);
    if (complaint.is_fine()) return absl::OkStatus();
    return Refuse(complaint.field.empty() ? "opcode" : complaint.field, ": ", complaint.text);
  }

  static absl::Status AddParameter(const Instruction& instruction, int32_t i,
                                   ComputationIndex& index) {
    const int64_t number = instruction.parameter_number();
    if (number < 0 || number >= index.proto->instructions_size()) {
      return Refuse("parameter_number: ", number, ", must be in 0 .. number of parameters - 1");
    }
    auto& parameters = index.parameters;
    if (number >= static_cast<int64_t>(parameters.size())) parameters.resize(number + 1, -1);
    if (parameters[number] >= 0) return Refuse("parameter_number: ", number, ", must be unique");
    parameters[number] = i;
    return absl::OkStatus();
  }

  absl::Status CheckAliases() const {
    const ComputationIndex& entry = index_.computations[index_.entry];
    const auto& entries = module_.input_output_alias().entries();
    for (int i = 0; i < entries.size(); ++i) {
      const std::string path = absl::StrCat("input_output_alias.entries[", i, "]");
      const int64_t number = entries[i].parameter_number();
      if (number < 0 || number >= static_cast<int64_t>(entry.parameters.size())) {
        return Refuse(path, ".parameter_number: ", number, ", must be an entry parameter");
      }
      const auto* parameter = Part(entry.instruction(entry.parameters[number]).shape(),
                                   entries[i].parameter_shape_index());
      const auto* output =
          Part(entry.instruction(entry.root).shape(), entries[i].output_shape_index());
      if (parameter == nullptr) {
        return Refuse(path, ".parameter_shape_index: must lead to a part of the parameter");
      }
      if (output == nullptr) {
        return Refuse(path, ".output_shape_index: must lead to a part of the result");
      }
      // A may-alias of two shapes is one that the compiler drops; it binds nobody.
      if (entries[i].kind() == xla::MUST_ALIAS && !SameShape(*parameter, *output)) {
        return Refuse(path, ": joins two shapes, must be one");
      }
    }
    return absl::OkStatus();
  }

  static const xla::ShapeProto* Part(const xla::ShapeProto& shape,
                                     const google::protobuf::RepeatedField<int64_t>& index) {
    const xla::ShapeProto* part = &shape;
    for (const int64_t element : index) {
      if (element < 0 || element >= part->tuple_shapes_size()) return nullptr;
      part = &part->tuple_shapes(element);
    }
    return part;
  }

  const xla::HloModuleProto& module_;
  ModuleIndex index_;
  TypeChecker types_;
  std::vector<const xla::ShapeProto*> operands_;  // of the instruction at hand
};

}  // namespace

absl::StatusOr<ModuleIndex> CheckModule(const xla::HloModuleProto& module) {
  return ModuleChecker(module).Check();
}

}  // namespace automap
