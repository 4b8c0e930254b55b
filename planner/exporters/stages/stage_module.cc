#include "planner/exporters/stages/stage_module.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/complete_module.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;

// HloModuleProto.stack_frame_index and payloads, which the metadata of operations refers to.
constexpr int kReferredTo[] = {17, 22};

const ComputationIndex& EntryOf(const Graph& graph) {
  return graph.module().index.computations[graph.module().index.entry];
}

int32_t LeafCount(const xla::ShapeProto& shape) {
  if (shape.element_type() != xla::TUPLE) return 1;
  int32_t count = 0;
  for (const xla::ShapeProto& element : shape.tuple_shapes()) count += LeafCount(element);
  return count;
}

class ModuleWriter {
 public:
  ModuleWriter(const Graph& graph, const EntryValues& values, const StageProgram& program)
      : graph_(graph), entry_(EntryOf(graph)), values_(values), program_(program) {}

  absl::StatusOr<xla::HloModuleProto> Write(const std::vector<StageAlias>& aliases,
                                            const std::string& name) {
    CopyModule(name);
    RETURN_IF_ERROR(AddParameters());
    for (const int32_t i : program_.instructions) AddInstruction(i);
    AddRoot();
    for (const StageAlias& alias : aliases) {
      auto& entry = *module_.mutable_input_output_alias()->add_entries();
      if (program_.results.size() > 1) entry.add_output_shape_index(alias.result);
      entry.set_parameter_number(alias.parameter);
      entry.set_kind(xla::MAY_ALIAS);
    }
    CompleteModule(module_);
    return std::move(module_);
  }

 private:
  // All of the module but what is about its entry, with the computations that the program applies.
  void CopyModule(const std::string& name) {
    const xla::HloModuleProto& from = *graph_.module().proto;
    std::set<int64_t> needed;
    const auto need = [&](const Instruction& instruction) {
      needed.insert(instruction.called_computation_ids().begin(),
                    instruction.called_computation_ids().end());
    };
    for (const int32_t i : program_.instructions) need(entry_.instruction(i));
    // Callees come before their callers.
    for (int c = from.computations_size() - 1; c >= 0; --c) {
      if (!needed.contains(from.computations(c).id())) continue;
      for (const Instruction& instruction : from.computations(c).instructions()) need(instruction);
    }
    for (const auto& computation : from.computations()) {
      if (needed.contains(computation.id())) *module_.add_computations() = computation;
    }
    if (from.has_frontend_attributes())
      *module_.mutable_frontend_attributes() = from.frontend_attributes();
    const auto& unknown = from.GetReflection()->GetUnknownFields(from);
    for (int f = 0; f < unknown.field_count(); ++f) {
      if (absl::c_linear_search(kReferredTo, unknown.field(f).number()))
        module_.GetReflection()->MutableUnknownFields(&module_)->AddField(unknown.field(f));
    }
    module_.set_name(name);
    to_ = module_.add_computations();
    to_->set_id(entry_.proto->id());
    to_->set_name(entry_.proto->name());
    module_.set_entry_computation_id(to_->id());
    module_.set_entry_computation_name(to_->name());
    // What the entry's own ids were: packed with the computation's, or unique in the module.
    is_packed_ = entry_.proto->root_id() >> 32 != 0;
    for (const auto& computation : from.computations()) {
      for (const Instruction& instruction : computation.instructions())
        next_ = std::max(next_, is_packed_ ? 0 : instruction.id());
    }
  }

  Instruction& Append(const std::string& opcode, const std::string& name) {
    Instruction& added = *to_->add_instructions();
    added.set_opcode(opcode);
    added.set_name(name);
    SetId(added);
    return added;
  }

  void SetId(Instruction& instruction) {
    ++next_;
    instruction.set_id(is_packed_ ? (to_->id() << 32 | next_) : next_);
  }

  absl::Status AddParameters() {
    for (size_t p = 0; p < program_.imports.size(); ++p) {
      const Definition& made = values_.definition[program_.imports[p]];
      const Instruction& maker = entry_.instruction(made.instruction);
      const xla::ShapeProto& shape = ShapeOf(graph_, made);
      if (shape.element_type() == xla::TOKEN || shape.element_type() == xla::OPAQUE_TYPE) {
        return absl::UnimplementedError(
            absl::StrCat("module: ", maker.name(), " (", maker.opcode(),
                         ") makes a value that is no array and is read in another stage or phase"));
      }
      const bool is_leaf = maker.shape().element_type() == xla::TUPLE;
      Instruction& parameter =
          Append("parameter", is_leaf ? absl::StrCat(maker.name(), ".", made.leaf) : maker.name());
      parameter.set_parameter_number(static_cast<int64_t>(p));
      *parameter.mutable_shape() = shape;
      if (maker.opcode() == "parameter") *parameter.mutable_metadata() = maker.metadata();
      ids_[program_.imports[p]] = parameter.id();
    }
    return absl::OkStatus();
  }

  void AddInstruction(int32_t i) {
    Instruction made = entry_.instruction(i);
    made.clear_operand_ids();
    for (const int32_t operand : entry_.operands_of(i))
      made.add_operand_ids(ValueOf(entry_.instruction(operand).shape(), values_.leaves[operand]));
    SetId(made);
    made_as_[i] = made.id();
    *to_->add_instructions() = std::move(made);
  }

  // A value of these arrays, tuples made anew.
  int64_t ValueOf(const xla::ShapeProto& shape, absl::Span<const TensorId> leaves) {
    if (shape.element_type() != xla::TUPLE) return ArrayOf(leaves[0]);
    std::vector<int64_t> elements;
    for (const xla::ShapeProto& element : shape.tuple_shapes()) {
      const int32_t count = LeafCount(element);
      elements.push_back(ValueOf(element, leaves.subspan(0, count)));
      leaves.remove_prefix(count);
    }
    Instruction& tuple = Append("tuple", "tuple");
    *tuple.mutable_shape() = shape;
    tuple.mutable_operand_ids()->Assign(elements.begin(), elements.end());
    return tuple.id();
  }

  int64_t ArrayOf(TensorId tensor) {
    const auto known = ids_.find(tensor);
    if (known != ids_.end()) return known->second;
    const Definition& made = values_.definition[tensor];
    const int64_t id = ElementOf(made_as_.at(made.instruction),
                                 entry_.instruction(made.instruction).shape(), made.leaf);
    ids_[tensor] = id;
    return id;
  }

  // Leaf `leaf` of a value of that shape.
  int64_t ElementOf(int64_t value, const xla::ShapeProto& shape, int32_t leaf) {
    if (shape.element_type() != xla::TUPLE) return value;
    int element = 0;
    for (; leaf >= LeafCount(shape.tuple_shapes(element)); ++element)
      leaf -= LeafCount(shape.tuple_shapes(element));
    Instruction& part = Append("get-tuple-element", "get-tuple-element");
    *part.mutable_shape() = shape.tuple_shapes(element);
    part.set_tuple_index(element);
    part.add_operand_ids(value);
    return ElementOf(part.id(), shape.tuple_shapes(element), leaf);
  }

  void AddRoot() {
    std::vector<int64_t> results;
    xla::ShapeProto shape;
    shape.set_element_type(xla::TUPLE);
    for (const TensorId tensor : program_.results) {
      results.push_back(ArrayOf(tensor));
      *shape.add_tuple_shapes() = ShapeOf(graph_, values_.definition[tensor]);
    }
    if (results.size() == 1) {
      // XLA's MLIR importer takes a tuple of one for its element, but not its aliases.
      to_->set_root_id(results.front());
      return;
    }
    Instruction& root = Append("tuple", "results");
    root.mutable_operand_ids()->Assign(results.begin(), results.end());
    *root.mutable_shape() = std::move(shape);
    to_->set_root_id(root.id());
  }

  const Graph& graph_;
  const ComputationIndex& entry_;
  const EntryValues& values_;
  const StageProgram& program_;
  xla::HloModuleProto module_;
  xla::HloComputationProto* to_ = nullptr;
  bool is_packed_ = false;
  int64_t next_ = 0;
  std::map<int32_t, int64_t> made_as_;  // by instruction of the entry
  std::map<TensorId, int64_t> ids_;
};

}  // namespace

const xla::ShapeProto& ShapeOf(const Graph& graph, const Definition& definition) {
  const xla::ShapeProto* shape = &EntryOf(graph).instruction(definition.instruction).shape();
  int32_t leaf = definition.leaf;
  while (shape->element_type() == xla::TUPLE) {
    int element = 0;
    for (; leaf >= LeafCount(shape->tuple_shapes(element)); ++element)
      leaf -= LeafCount(shape->tuple_shapes(element));
    shape = &shape->tuple_shapes(element);
  }
  return *shape;
}

absl::StatusOr<xla::HloModuleProto> StageModule(const Graph& graph, const EntryValues& values,
                                                const StageProgram& program,
                                                const std::vector<StageAlias>& aliases,
                                                const std::string& name) {
  return ModuleWriter(graph, values, program).Write(aliases, name);
}

}  // namespace automap
