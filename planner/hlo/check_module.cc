#include "planner/hlo/check_module.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/check_shapes.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Computation = xla::HloComputationProto;

constexpr int kMaxRank = 32, kMaxTupleDepth = 64;
constexpr int64_t kMaxDimension = int64_t{1} << 48, kMaxLeaves = 1 << 20,
                  kMaxTotalLeaves = int64_t{1} << 24;
constexpr double kMaxElements = 0x1p53;

absl::Status Refuse(absl::string_view path, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", text));
}

// Counts leaves on the way, so that nested tuples cannot multiply without bound.
class ShapeChecker {
 public:
  absl::Status Check(const xla::ShapeProto& shape, const std::string& path) {
    leaves_ = 0;
    return Visit(shape, path, 0);
  }

 private:
  absl::Status Visit(const xla::ShapeProto& shape, const std::string& path, int depth) {
    if (depth > kMaxTupleDepth)
      return Refuse(path, absl::StrCat("tuples nested deeper than ", kMaxTupleDepth));
    const int type = shape.element_type();
    if (type == xla::TUPLE || type == xla::BUFFER) {
      if (shape.dimensions_size() > 0)
        return Refuse(absl::StrCat(path, ".dimensions"), "a tuple has none");
      for (int i = 0; i < shape.tuple_shapes_size(); ++i) {
        RETURN_IF_ERROR(
            Visit(shape.tuple_shapes(i),
                  i < 100 || depth == 0 ? absl::StrCat(path, ".tuple_shapes[", i, "]") : path,
                  depth + 1));
      }
      return absl::OkStatus();
    }
    if (++leaves_ > kMaxLeaves || ++total_leaves_ > kMaxTotalLeaves)
      return Refuse(path, "too many array leaves");
    if (type == xla::PRIMITIVE_TYPE_INVALID)
      return Refuse(absl::StrCat(path, ".element_type"), "0 or unknown, must be a known type");
    if (shape.tuple_shapes_size() > 0)
      return Refuse(absl::StrCat(path, ".tuple_shapes"), "an array has none");
    if (shape.dimensions_size() > kMaxRank)
      return Refuse(absl::StrCat(path, ".dimensions"),
                    absl::StrCat(shape.dimensions_size(), " of them, must be at most ", kMaxRank));
    if (shape.is_dynamic_dimension_size() != 0 &&
        shape.is_dynamic_dimension_size() != shape.dimensions_size()) {
      return Refuse(absl::StrCat(path, ".is_dynamic_dimension"),
                    "must be one for each dimension, or none");
    }
    double elements = 1;
    for (int i = 0; i < shape.dimensions_size(); ++i) {
      const int64_t size = shape.dimensions(i);
      const bool is_unbounded = size == INT64_MIN && shape.is_dynamic_dimension_size() > 0 &&
                                shape.is_dynamic_dimension(i);
      if (is_unbounded) continue;
      if (size < 0 || size > kMaxDimension)
        return Refuse(absl::StrCat(path, ".dimensions[", i, "]"),
                      absl::StrCat(size, ", must be in 0..2^48"));
      elements *= static_cast<double>(size);
      if (elements > kMaxElements)
        return Refuse(absl::StrCat(path, ".dimensions"), "multiply to more than 2^53 elements");
    }
    return absl::OkStatus();
  }

  int64_t leaves_ = 0, total_leaves_ = 0;
};

class ModuleChecker {
 public:
  explicit ModuleChecker(const xla::HloModuleProto& module) : module_(module) {}

  absl::Status Check() {
    if (module_.computations().empty())
      return Refuse("computations", "none, must be at least one; is this an HLO module?");
    RETURN_IF_ERROR(IndexComputations());
    for (int c = 0; c < module_.computations_size(); ++c) RETURN_IF_ERROR(CheckComputation(c));
    RETURN_IF_ERROR(CheckCallGraph());
    for (int c = 0; c < module_.computations_size(); ++c) RETURN_IF_ERROR(CheckCalls(c));
    return CheckAliases();
  }

 private:
  static uint32_t LocalId(int64_t id) { return static_cast<uint32_t>(id); }

  absl::Status IndexComputations() {
    for (int c = 0; c < module_.computations_size(); ++c) {
      const Computation& computation = module_.computations(c);
      if (computation.name().empty())
        return Refuse(absl::StrCat("computations[", c, "].name"), "missing");
      if (!index_of_.emplace(computation.id(), c).second)
        return Refuse(absl::StrCat("computations[", c, "].id"),
                      absl::StrCat(computation.id(), ", must be unique"));
    }
    const auto entry = index_of_.find(module_.entry_computation_id());
    if (entry == index_of_.end())
      return Refuse("entry_computation_id", absl::StrCat(module_.entry_computation_id(),
                                                         ", must be the id of a computation"));
    entry_ = entry->second;
    parameters_.resize(module_.computations_size());
    roots_.resize(module_.computations_size());
    return absl::OkStatus();
  }

  absl::Status CheckComputation(int c) {
    const Computation& computation = module_.computations(c);
    const std::string path = absl::StrCat("computations[", c, "]");
    if (computation.instructions().empty())
      return Refuse(absl::StrCat(path, ".instructions"), "none, must be at least one");
    absl::flat_hash_map<uint32_t, int> position;
    position.reserve(computation.instructions_size());
    std::vector<const xla::ShapeProto*> operands;
    for (int i = 0; i < computation.instructions_size(); ++i) {
      const Instruction& instruction = computation.instructions(i);
      operands.clear();
      for (int o = 0; o < instruction.operand_ids_size(); ++o) {
        const auto found = position.find(LocalId(instruction.operand_ids(o)));
        if (found == position.end())
          return Refuse(absl::StrCat(path, ".instructions[", i, "].operand_ids[", o, "]"),
                        absl::StrCat(instruction.operand_ids(o),
                                     ", must be the id of an earlier instruction"));
        operands.push_back(&computation.instructions(found->second).shape());
      }
      if (absl::Status status = CheckInstruction(c, instruction, operands); !status.ok()) {
        return Refuse(absl::StrCat(path, ".instructions[", i, "]"), status.message());
      }
      if (!position.emplace(LocalId(instruction.id()), i).second)
        return Refuse(absl::StrCat(path, ".instructions[", i, "].id"),
                      absl::StrCat(instruction.id(), ", must be unique in its computation"));
    }
    const auto root = position.find(LocalId(computation.root_id()));
    if (root == position.end())
      return Refuse(absl::StrCat(path, ".root_id"),
                    absl::StrCat(computation.root_id(), ", must be the id of an instruction"));
    roots_[c] = &computation.instructions(root->second);
    for (size_t p = 0; p < parameters_[c].size(); ++p) {
      if (parameters_[c][p] == nullptr)
        return Refuse(path, absl::StrCat("parameter ", p, " is missing, numbers must be 0 .. n-1"));
    }
    return absl::OkStatus();
  }

  // Messages are relative: the caller puts the instruction's path in front.
  absl::Status CheckInstruction(int c, const Instruction& instruction,
                                const std::vector<const xla::ShapeProto*>& operands) {
    const auto fail = [&](absl::string_view field, absl::string_view text) {
      return absl::InvalidArgumentError(field.empty()
                                            ? absl::StrCat(instruction.opcode(), ": ", text)
                                            : absl::StrCat(field, ": ", text));
    };
    if (instruction.name().empty()) return fail("name", "missing");
    if (instruction.opcode().empty()) return fail("opcode", "missing");
    if (!instruction.has_shape()) return fail("shape", "missing");
    RETURN_IF_ERROR(shapes_.Check(instruction.shape(), "shape"));
    const Opcode opcode = OpcodeFromName(instruction.opcode());
    if (opcode == Opcode::kParameter) RETURN_IF_ERROR(AddParameter(c, instruction));
    const Arity arity = ArityOf(opcode);
    const int count = operands.size();
    if (count < arity.min || (arity.max >= 0 && count > arity.max)) {
      return fail("operand_ids", absl::StrCat(count, " of them, ", instruction.opcode(), " takes ",
                                              arity.min, arity.max < 0 ? " or more" : ""));
    }
    const Complaint complaint = CheckShapes(opcode, instruction, operands);
    return complaint.is_fine() ? absl::OkStatus() : fail(complaint.field, complaint.text);
  }

  absl::Status AddParameter(int c, const Instruction& instruction) {
    const int64_t number = instruction.parameter_number();
    auto& parameters = parameters_[c];
    if (number < 0 || number >= module_.computations(c).instructions_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameter_number: ", number, ", must be in 0 .. number of parameters - 1"));
    }
    if (number >= static_cast<int64_t>(parameters.size())) parameters.resize(number + 1, nullptr);
    if (parameters[number] != nullptr)
      return absl::InvalidArgumentError(
          absl::StrCat("parameter_number: ", number, ", must be unique"));
    parameters[number] = &instruction;
    return absl::OkStatus();
  }

  // Depth-first with a stack of our own.
  absl::Status CheckCallGraph() {
    const int count = module_.computations_size();
    std::vector<std::vector<int>> callees(count);
    for (int c = 0; c < count; ++c) {
      for (int i = 0; i < module_.computations(c).instructions_size(); ++i) {
        const Instruction& instruction = module_.computations(c).instructions(i);
        for (int k = 0; k < instruction.called_computation_ids_size(); ++k) {
          const auto found = index_of_.find(instruction.called_computation_ids(k));
          if (found == index_of_.end()) {
            return Refuse(absl::StrCat("computations[", c, "].instructions[", i,
                                       "].called_computation_ids[", k, "]"),
                          absl::StrCat(instruction.called_computation_ids(k),
                                       ", must be the id of a computation"));
          }
          callees[c].push_back(found->second);
        }
      }
    }
    std::vector<int> state(count, 0);  // 0 new, 1 open, 2 done
    for (int start = 0; start < count; ++start) {
      std::vector<std::pair<int, size_t>> stack;
      if (state[start] == 0) stack.emplace_back(start, 0), state[start] = 1;
      while (!stack.empty()) {
        auto& [c, next] = stack.back();
        if (next == callees[c].size()) {
          state[c] = 2;
          stack.pop_back();
          continue;
        }
        const int callee = callees[c][next++];
        if (state[callee] == 1)
          return Refuse(absl::StrCat("computations[", c, "]"),
                        absl::StrCat("calls \"", module_.computations(callee).name(),
                                     "\", which calls it in turn"));
        if (state[callee] == 0) stack.emplace_back(callee, 0), state[callee] = 1;
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckCalls(int c) {
    const Computation& computation = module_.computations(c);
    absl::flat_hash_map<uint32_t, const Instruction*> by_id;
    for (int i = 0; i < computation.instructions_size(); ++i) {
      const Instruction& instruction = computation.instructions(i);
      by_id[LocalId(instruction.id())] = &instruction;
      std::vector<const xla::ShapeProto*> operands;
      if (instruction.called_computation_ids().empty() && !NeedsCallee(instruction)) continue;
      for (const int64_t id : instruction.operand_ids())
        operands.push_back(&by_id[LocalId(id)]->shape());
      if (absl::Status status = CheckCall(instruction, operands); !status.ok()) {
        return Refuse(
            absl::StrCat("computations[", c, "].instructions[", i, "].called_computation_ids"),
            status.message());
      }
    }
    return absl::OkStatus();
  }

  static bool NeedsCallee(const Instruction& instruction) {
    switch (OpcodeFromName(instruction.opcode())) {
      case Opcode::kCall:
      case Opcode::kFusion:
      case Opcode::kWhile:
      case Opcode::kConditional:
      case Opcode::kReduce:
      case Opcode::kReduceWindow:
      case Opcode::kScatter:
      case Opcode::kSelectAndScatter:
      case Opcode::kMap:
      case Opcode::kSort:
        return true;
      default:
        return false;
    }
  }

  // Whether a callee takes `arguments` and gives `result` (null: whatever it gives).
  absl::Status CheckSignature(const Instruction& instruction, int k,
                              const std::vector<const xla::ShapeProto*>& arguments,
                              const xla::ShapeProto* result) {
    if (k >= instruction.called_computation_ids_size())
      return absl::InvalidArgumentError(
          absl::StrCat(k, " of them, ", instruction.opcode(), " calls more"));
    const int callee = index_of_[instruction.called_computation_ids(k)];
    const std::string& name = module_.computations(callee).name();
    if (parameters_[callee].size() != arguments.size()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" has ",
                                                     parameters_[callee].size(),
                                                     " parameters, must be ", arguments.size()));
    }
    for (size_t p = 0; p < arguments.size(); ++p) {
      if (!SameShape(parameters_[callee][p]->shape(), *arguments[p]))
        return absl::InvalidArgumentError(
            absl::StrCat("\"", name, "\" parameter ", p, " has another shape than its argument"));
    }
    if (result != nullptr && !SameShape(roots_[callee]->shape(), *result))
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" returns another shape than the instruction"));
    return absl::OkStatus();
  }

  absl::Status CheckCall(const Instruction& instruction,
                         const std::vector<const xla::ShapeProto*>& operands) {
    switch (OpcodeFromName(instruction.opcode())) {
      case Opcode::kCall:
      case Opcode::kFusion:
        return CheckSignature(instruction, 0, operands, &instruction.shape());
      case Opcode::kWhile: {
        RETURN_IF_ERROR(CheckSignature(instruction, 0, operands, &instruction.shape()));
        RETURN_IF_ERROR(CheckSignature(instruction, 1, operands, nullptr));
        const xla::ShapeProto& condition =
            roots_[index_of_[instruction.called_computation_ids(1)]]->shape();
        if (condition.element_type() != xla::PRED || condition.dimensions_size() > 0)
          return absl::InvalidArgumentError("the condition must return pred[]");
        return SameShape(*operands[0], instruction.shape())
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError("the loop returns another shape than it takes");
      }
      case Opcode::kConditional: {
        const int branches = instruction.called_computation_ids_size();
        if (branches < 1 || static_cast<int>(operands.size()) != branches + 1)
          return absl::InvalidArgumentError(
              absl::StrCat(branches, " branches, must be one less than operands"));
        for (int b = 0; b < branches; ++b)
          RETURN_IF_ERROR(CheckSignature(instruction, b, {operands[b + 1]}, &instruction.shape()));
        return absl::OkStatus();
      }
      case Opcode::kSelectAndScatter:
        return instruction.called_computation_ids_size() == 2
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError("must be two");
      default:
        return instruction.called_computation_ids_size() >= 1
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError("missing");
    }
  }

  absl::Status CheckAliases() {
    const auto& entries = module_.input_output_alias().entries();
    for (int i = 0; i < entries.size(); ++i) {
      const std::string path = absl::StrCat("input_output_alias.entries[", i, "]");
      const int64_t number = entries[i].parameter_number();
      if (number < 0 || number >= static_cast<int64_t>(parameters_[entry_].size()))
        return Refuse(absl::StrCat(path, ".parameter_number"),
                      absl::StrCat(number, ", must be an entry parameter"));
      const auto* parameter =
          Leaf(parameters_[entry_][number]->shape(), entries[i].parameter_shape_index());
      const auto* output = Leaf(roots_[entry_]->shape(), entries[i].output_shape_index());
      if (parameter == nullptr)
        return Refuse(absl::StrCat(path, ".parameter_shape_index"),
                      "must lead to a part of the parameter");
      if (output == nullptr)
        return Refuse(absl::StrCat(path, ".output_shape_index"),
                      "must lead to a part of the result");
      // A may-alias of two shapes is one that the compiler drops; it binds nobody.
      if (entries[i].kind() == xla::MUST_ALIAS && !SameShape(*parameter, *output))
        return Refuse(path, "joins two shapes, must be one");
    }
    return absl::OkStatus();
  }

  static const xla::ShapeProto* Leaf(const xla::ShapeProto& shape,
                                     const google::protobuf::RepeatedField<int64_t>& index) {
    const xla::ShapeProto* part = &shape;
    for (const int64_t element : index) {
      if (element < 0 || element >= part->tuple_shapes_size()) return nullptr;
      part = &part->tuple_shapes(element);
    }
    return part;
  }

  const xla::HloModuleProto& module_;
  absl::flat_hash_map<int64_t, int> index_of_;
  int entry_ = 0;
  std::vector<std::vector<const Instruction*>> parameters_;  // by computation
  std::vector<const Instruction*> roots_;
  ShapeChecker shapes_;
};

}  // namespace

absl::Status CheckModule(const xla::HloModuleProto& module) {
  return ModuleChecker(module).Check();
}

}  // namespace automap
