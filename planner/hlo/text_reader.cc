#include "planner/hlo/text_reader.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/complete_module.h"
#include "planner/hlo/opcode.h"
#include "planner/hlo/text_attributes.h"
#include "planner/hlo/text_cursor.h"
#include "planner/hlo/text_literal.h"
#include "planner/hlo/text_shape.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Computation = xla::HloComputationProto;

constexpr int kMaxNesting = 64;

// Attributes that name computations, and the place of each among the called ones.
struct CalleeAttribute {
  absl::string_view key;
  int place;
};
constexpr CalleeAttribute kCallees[] = {
    {"to_apply", 0},
    {"calls", 0},
    {"body", 0},
    {"condition", 1},
    {"true_computation", 0},
    {"false_computation", 1},
    {"select", 0},
    {"scatter", 1},
    {"branch_computations", 0},
    {"called_computations", 0},
    {"called_computation", 0},
};

class TextReader {
 public:
  TextReader(absl::string_view text, int64_t max_instructions, int64_t max_computations,
             xla::HloModuleProto& module)
      : cursor_(text),
        max_instructions_(max_instructions),
        max_computations_(max_computations),
        module_(module) {}

  absl::Status Read() {
    if (cursor_.TryConsumeWord("HloModule")) RETURN_IF_ERROR(ReadHeader());
    RETURN_IF_ERROR(SkipTables());
    if (cursor_.AtEnd()) return cursor_.Unexpected("a computation");
    while (!cursor_.AtEnd()) RETURN_IF_ERROR(ReadTopLevel());
    RETURN_IF_ERROR(ResolveCallees());
    return Finish();
  }

 private:
  // The computation that is being read.
  struct Scope {
    Computation* computation;
    absl::flat_hash_map<absl::string_view, const Instruction*> by_name;
    int64_t implied_parameters = 0;
  };

  struct PendingCallee {
    Instruction* instruction;
    int place;
    absl::string_view name;
    size_t position;
  };

  absl::Status ReadHeader() {
    if (cursor_.Peek() != ',') {
      ASSIGN_OR_RETURN(const absl::string_view name, cursor_.Name());
      module_.set_name(std::string(name));
      cursor_.TryConsume(":");
    }
    while (cursor_.TryConsume(",")) {
      ASSIGN_OR_RETURN(const absl::string_view key, cursor_.Name());
      RETURN_IF_ERROR(cursor_.Expect("="));
      if (key == "input_output_alias") {
        RETURN_IF_ERROR(ReadAliases());
      } else {
        RETURN_IF_ERROR(cursor_.AnyValue().status());
      }
    }
    return absl::OkStatus();
  }

  // { {0}: (0, {}, may-alias), ... }
  absl::Status ReadAliases() {
    RETURN_IF_ERROR(cursor_.Expect("{"));
    while (!cursor_.TryConsume("}")) {
      auto& entry = *module_.mutable_input_output_alias()->add_entries();
      RETURN_IF_ERROR(ReadIntegers(cursor_, *entry.mutable_output_shape_index()));
      RETURN_IF_ERROR(cursor_.Expect(":"));
      RETURN_IF_ERROR(cursor_.Expect("("));
      ASSIGN_OR_RETURN(const int64_t parameter, cursor_.Integer());
      entry.set_parameter_number(parameter);
      RETURN_IF_ERROR(cursor_.Expect(","));
      RETURN_IF_ERROR(ReadIntegers(cursor_, *entry.mutable_parameter_shape_index()));
      entry.set_kind(xla::MAY_ALIAS);
      if (cursor_.TryConsume(",")) {
        ASSIGN_OR_RETURN(const absl::string_view kind, cursor_.Name());
        entry.set_kind(kind == "must-alias" ? xla::MUST_ALIAS : xla::MAY_ALIAS);
      }
      RETURN_IF_ERROR(cursor_.Expect(")"));
      cursor_.TryConsume(",");
    }
    return absl::OkStatus();
  }

  // FileNames, FunctionNames, FileLocations, StackFrames: numbered lines of a string or of braces.
  absl::Status SkipTables() {
    while (cursor_.TryConsumeWord("FileNames") || cursor_.TryConsumeWord("FunctionNames") ||
           cursor_.TryConsumeWord("FileLocations") || cursor_.TryConsumeWord("StackFrames")) {
      while (cursor_.Peek() >= '0' && cursor_.Peek() <= '9') {
        RETURN_IF_ERROR(cursor_.Integer().status());
        RETURN_IF_ERROR(cursor_.AnyValue().status());
      }
    }
    return absl::OkStatus();
  }

  // A computation, or a bare instruction list, which is the entry computation.
  absl::Status ReadTopLevel() {
    const size_t begin = cursor_.position();
    const bool is_entry = cursor_.TryConsumeWord("ENTRY");
    if (is_entry && cursor_.Peek() == '{') return ReadComputation("entry", true);
    const bool is_root = cursor_.TryConsumeWord("ROOT");
    ASSIGN_OR_RETURN(const absl::string_view name, cursor_.Name());
    if (cursor_.Peek() == '=' || is_root) {
      cursor_.set_position(begin);
      return ReadBareInstructions();
    }
    return ReadComputation(name, is_entry);
  }

  absl::StatusOr<Computation*> AddComputation(absl::string_view name, bool is_entry) {
    if (module_.computations_size() >= max_computations_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("module: more than ", max_computations_, " computations"));
    }
    Computation* computation = module_.add_computations();
    computation->set_name(std::string(name));
    computation->set_id(++last_computation_id_);
    if (is_entry) {
      if (has_entry_) return cursor_.Error("a second ENTRY", "the only one");
      has_entry_ = true;
      module_.set_entry_computation_id(computation->id());
    }
    return computation;
  }

  // After the name: [(parameters) -> shape] { instructions } [, execution_thread="..."]
  absl::Status ReadComputation(absl::string_view name, bool is_entry) {
    if (cursor_.Peek() == '(') {
      RETURN_IF_ERROR(SkipParentheses());
      RETURN_IF_ERROR(cursor_.Expect("->"));
      xla::ShapeProto result;
      RETURN_IF_ERROR(ReadShape(cursor_, result));
    }
    ASSIGN_OR_RETURN(Computation * computation, AddComputation(name, is_entry));
    if (!computation_ids_.emplace(name, computation->id()).second) {
      return cursor_.Error(absl::StrCat("computation \"", name, "\" again"), "a name of its own");
    }
    RETURN_IF_ERROR(ReadBody(*computation, 0));
    while (cursor_.TryConsume(",")) {
      RETURN_IF_ERROR(cursor_.Name().status());
      RETURN_IF_ERROR(cursor_.Expect("="));
      RETURN_IF_ERROR(cursor_.AnyValue().status());
    }
    return absl::OkStatus();
  }

  absl::Status SkipParentheses() {
    RETURN_IF_ERROR(cursor_.Expect("("));
    int64_t depth = 1;
    while (depth > 0) {
      const char next = cursor_.Peek();
      if (next == 0) return cursor_.Unexpected("')'");
      depth += next == '(' ? 1 : next == ')' ? -1 : 0;
      cursor_.set_position(cursor_.position() + 1);
    }
    return absl::OkStatus();
  }

  absl::Status ReadBody(Computation& computation, int nesting) {
    if (nesting > kMaxNesting)
      return cursor_.Error("computations nested deeper than 64", "flatter");
    RETURN_IF_ERROR(cursor_.Expect("{"));
    Scope scope{&computation, {}, 0};
    while (!cursor_.TryConsume("}")) {
      if (cursor_.AtEnd()) return cursor_.Unexpected("an instruction or '}'");
      RETURN_IF_ERROR(ReadInstruction(scope, nesting));
    }
    return CloseBody(scope);
  }

  absl::Status ReadBareInstructions() {
    ASSIGN_OR_RETURN(Computation * computation, AddComputation("entry", true));
    Scope scope{computation, {}, 0};
    while (!cursor_.AtEnd()) RETURN_IF_ERROR(ReadInstruction(scope, 0));
    return CloseBody(scope);
  }

  absl::Status CloseBody(Scope& scope) {
    Computation& computation = *scope.computation;
    if (computation.instructions().empty())
      return cursor_.Error("an empty computation", "one with instructions");
    if (!computation.has_root_id())
      computation.set_root_id(computation.instructions().rbegin()->id());
    return absl::OkStatus();
  }

  // [ROOT] name = [shape] opcode(operands), attributes
  absl::Status ReadInstruction(Scope& scope, int nesting) {
    const bool is_root = cursor_.TryConsumeWord("ROOT");
    const size_t begin = cursor_.position();
    ASSIGN_OR_RETURN(const absl::string_view name, cursor_.Name());
    RETURN_IF_ERROR(cursor_.Expect("="));
    ASSIGN_OR_RETURN(Instruction * instruction, ReadRightSide(scope, nesting));
    instruction->set_name(std::string(name));
    if (!scope.by_name.emplace(name, instruction).second) {
      cursor_.set_position(begin);
      return cursor_.Error(absl::StrCat("instruction \"", name, "\" again"), "a name of its own");
    }
    if (is_root) scope.computation->set_root_id(instruction->id());
    return absl::OkStatus();
  }

  // Reads [shape] opcode(operands), attributes and appends the instruction, after the ones nested
  // in it.
  absl::StatusOr<Instruction*> ReadRightSide(Scope& scope, int nesting) {
    if (nesting > kMaxNesting)
      return cursor_.Error("instructions nested deeper than 64", "flatter");
    auto* instruction = google::protobuf::Arena::CreateMessage<Instruction>(module_.GetArena());
    const bool has_shape = IsShapeNext(cursor_);
    if (has_shape) RETURN_IF_ERROR(ReadShape(cursor_, *instruction->mutable_shape()));
    ASSIGN_OR_RETURN(const absl::string_view opcode, cursor_.Name());
    instruction->set_opcode(std::string(opcode));
    RETURN_IF_ERROR(ReadOperands(scope, opcode, *instruction, nesting));
    while (cursor_.TryConsume(",")) RETURN_IF_ERROR(ReadAttributeOrCallee(*instruction, nesting));
    if (instruction->has_ragged_dot_dimension_numbers()) {  // text writes both side by side
      instruction->mutable_ragged_dot_dimension_numbers()->mutable_dot_dimension_numbers()->Swap(
          instruction->mutable_dot_dimension_numbers());
      instruction->clear_dot_dimension_numbers();
    }
    if (!has_shape) RETURN_IF_ERROR(InferShape(scope, *instruction));
    return Append(scope, instruction);
  }

  absl::StatusOr<Instruction*> Append(Scope& scope, Instruction* instruction) {
    if (++instruction_count_ > max_instructions_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("module: more than ", max_instructions_, " instructions"));
    }
    instruction->set_id(instruction_count_);
    scope.computation->mutable_instructions()->AddAllocated(instruction);
    return instruction;
  }

  absl::Status ReadOperands(Scope& scope, absl::string_view opcode, Instruction& instruction,
                            int nesting) {
    RETURN_IF_ERROR(cursor_.Expect("("));
    if (opcode == "parameter") {
      ASSIGN_OR_RETURN(const int64_t number, cursor_.Integer());
      instruction.set_parameter_number(number);
      return cursor_.Expect(")");
    }
    if (opcode == "constant") {
      RETURN_IF_ERROR(ReadLiteral(cursor_, instruction));
      return cursor_.Expect(")");
    }
    while (!cursor_.TryConsume(")")) {
      if (instruction.operand_ids_size() > 0) RETURN_IF_ERROR(cursor_.Expect(","));
      ASSIGN_OR_RETURN(const int64_t id, ReadOperand(scope, nesting));
      instruction.add_operand_ids(id);
    }
    return absl::OkStatus();
  }

  // name, name#0#1, shape name, an instruction, or a shape alone, which stands for a parameter.
  absl::StatusOr<int64_t> ReadOperand(Scope& scope, int nesting) {
    const size_t begin = cursor_.position();
    xla::ShapeProto shape;
    const bool has_shape = IsShapeNext(cursor_);
    if (has_shape) RETURN_IF_ERROR(ReadShape(cursor_, shape));
    if (has_shape && (cursor_.Peek() == ',' || cursor_.Peek() == ')'))
      return AddImpliedParameter(scope, shape);
    ASSIGN_OR_RETURN(const absl::string_view name, cursor_.Name());
    if (cursor_.Peek() == '(') {
      cursor_.set_position(begin);
      ASSIGN_OR_RETURN(Instruction * nested, ReadRightSide(scope, nesting + 1));
      nested->set_name(absl::StrCat("nested.", nested->id()));
      return nested->id();
    }
    const auto found = scope.by_name.find(name);
    if (found == scope.by_name.end()) {
      cursor_.set_position(begin);
      return cursor_.Error(absl::StrCat("operand \"", name, "\""),
                           "the name of an earlier instruction of the computation");
    }
    const Instruction* operand = found->second;
    while (cursor_.Peek() == '#') {
      RETURN_IF_ERROR(cursor_.Expect("#"));
      ASSIGN_OR_RETURN(operand, AddTupleAccess(scope, *operand));
    }
    return operand->id();
  }

  absl::StatusOr<int64_t> AddImpliedParameter(Scope& scope, const xla::ShapeProto& shape) {
    auto* parameter = google::protobuf::Arena::CreateMessage<Instruction>(module_.GetArena());
    *parameter->mutable_shape() = shape;
    parameter->set_opcode("parameter");
    parameter->set_parameter_number(scope.implied_parameters++);
    parameter->set_name(absl::StrCat("implied.", parameter->parameter_number()));
    ASSIGN_OR_RETURN(const Instruction* added, Append(scope, parameter));
    return added->id();
  }

  absl::StatusOr<const Instruction*> AddTupleAccess(Scope& scope, const Instruction& tuple) {
    ASSIGN_OR_RETURN(const int64_t index, cursor_.Integer());
    if (index < 0 || index >= tuple.shape().tuple_shapes_size()) {
      return cursor_.Error(
          absl::StrCat("element ", index),
          absl::StrCat("one of the ", tuple.shape().tuple_shapes_size(), " of the tuple"));
    }
    const auto [known, is_new] = tuple_access_.try_emplace({&tuple, index}, nullptr);
    if (!is_new) return known->second;
    auto* access = google::protobuf::Arena::CreateMessage<Instruction>(module_.GetArena());
    *access->mutable_shape() = tuple.shape().tuple_shapes(index);
    access->set_opcode("get-tuple-element");
    access->set_tuple_index(index);
    access->add_operand_ids(tuple.id());
    access->set_name(absl::StrCat(tuple.name(), "#", index));
    ASSIGN_OR_RETURN(const Instruction* added, Append(scope, access));
    tuple_access_[{&tuple, index}] = added;
    return added;
  }

  absl::Status ReadAttributeOrCallee(Instruction& instruction, int nesting) {
    ASSIGN_OR_RETURN(const absl::string_view key, cursor_.Name());
    RETURN_IF_ERROR(cursor_.Expect("="));
    for (const CalleeAttribute& callee : kCallees) {
      if (callee.key == key) return ReadCallees(instruction, key, callee.place, nesting);
    }
    return ReadAttribute(cursor_, key, instruction);
  }

  absl::Status ReadCallees(Instruction& instruction, absl::string_view key, int place,
                           int nesting) {
    const bool is_list = key == "branch_computations" || key == "called_computations";
    if (!is_list || cursor_.Peek() != '{') return ReadCallee(instruction, place, nesting);
    RETURN_IF_ERROR(cursor_.Expect("{"));
    while (!cursor_.TryConsume("}")) {
      RETURN_IF_ERROR(ReadCallee(instruction, place++, nesting));
      cursor_.TryConsume(",");
    }
    return absl::OkStatus();
  }

  absl::Status ReadCallee(Instruction& instruction, int place, int nesting) {
    while (instruction.called_computation_ids_size() <= place)
      instruction.add_called_computation_ids(0);
    if (cursor_.Peek() == '{') {
      ASSIGN_OR_RETURN(Computation * nested,
                       AddComputation(absl::StrCat("nested.", last_computation_id_ + 1), false));
      instruction.set_called_computation_ids(place, nested->id());
      return ReadBody(*nested, nesting + 1);
    }
    const size_t position = cursor_.position();
    ASSIGN_OR_RETURN(const absl::string_view name, cursor_.Name());
    pending_.push_back({&instruction, place, name, position});
    return absl::OkStatus();
  }

  absl::Status ResolveCallees() {
    for (const PendingCallee& pending : pending_) {
      const auto found = computation_ids_.find(pending.name);
      if (found == computation_ids_.end()) {
        cursor_.set_position(pending.position);
        return cursor_.Error(absl::StrCat("computation \"", pending.name, "\""),
                             "the name of a computation");
      }
      pending.instruction->set_called_computation_ids(pending.place, found->second);
    }
    return absl::OkStatus();
  }

  // Result shapes that hand-written text leaves out: of element-wise operations, tuples and tuple
  // access.
  absl::Status InferShape(Scope& scope, Instruction& instruction) {
    std::vector<const xla::ShapeProto*> operands;
    for (const int64_t id : instruction.operand_ids()) {
      const auto& all = scope.computation->instructions();
      const auto found = std::find_if(all.rbegin(), all.rend(),
                                      [&](const Instruction& item) { return item.id() == id; });
      operands.push_back(&found->shape());
    }
    xla::ShapeProto& shape = *instruction.mutable_shape();
    const Opcode opcode = OpcodeFromName(instruction.opcode());
    if (opcode == Opcode::kTuple) {
      shape.set_element_type(xla::TUPLE);
      for (const xla::ShapeProto* operand : operands) *shape.add_tuple_shapes() = *operand;
    } else if (opcode == Opcode::kGetTupleElement && !operands.empty() &&
               instruction.tuple_index() >= 0 &&
               instruction.tuple_index() < operands[0]->tuple_shapes_size()) {
      shape = operands[0]->tuple_shapes(instruction.tuple_index());
    } else if (!operands.empty() && TakesOperandShape(opcode)) {
      shape = *operands[opcode == Opcode::kSelect || opcode == Opcode::kClamp ? operands.size() / 2
                                                                              : 0];
      if (opcode == Opcode::kCompare || opcode == Opcode::kIsFinite)
        shape.set_element_type(xla::PRED);
    } else {
      return cursor_.Error(absl::StrCat("\"", instruction.opcode(), "\" without a result shape"),
                           "written with its shape");
    }
    return absl::OkStatus();
  }

  static bool TakesOperandShape(Opcode opcode) {
    switch (opcode) {
      case Opcode::kAbs:
      case Opcode::kAdd:
      case Opcode::kAnd:
      case Opcode::kAtan2:
      case Opcode::kCbrt:
      case Opcode::kCeil:
      case Opcode::kClamp:
      case Opcode::kCompare:
      case Opcode::kCopy:
      case Opcode::kCosine:
      case Opcode::kDivide:
      case Opcode::kExponential:
      case Opcode::kExponentialMinusOne:
      case Opcode::kFloor:
      case Opcode::kIsFinite:
      case Opcode::kLog:
      case Opcode::kLogPlusOne:
      case Opcode::kLogistic:
      case Opcode::kMaximum:
      case Opcode::kMinimum:
      case Opcode::kMultiply:
      case Opcode::kNegate:
      case Opcode::kNot:
      case Opcode::kOptBarrier:
      case Opcode::kOr:
      case Opcode::kPower:
      case Opcode::kRemainder:
      case Opcode::kReverse:
      case Opcode::kRsqrt:
      case Opcode::kSelect:
      case Opcode::kSign:
      case Opcode::kSine:
      case Opcode::kSqrt:
      case Opcode::kSubtract:
      case Opcode::kTan:
      case Opcode::kTanh:
      case Opcode::kXor:
      case Opcode::kWhile:
        return true;
      default:
        return false;
    }
  }

  absl::Status Finish() {
    if (!has_entry_) module_.set_entry_computation_id(module_.computations().rbegin()->id());
    // Nested computations were begun after the ones that call them; callees come first in a module.
    for (const Computation& computation : module_.computations()) {
      if (computation.id() == module_.entry_computation_id())
        module_.set_entry_computation_name(computation.name());
    }
    CompleteModule(module_);
    return absl::OkStatus();
  }

  TextCursor cursor_;
  const int64_t max_instructions_, max_computations_;
  xla::HloModuleProto& module_;
  int64_t instruction_count_ = 0, last_computation_id_ = 0;
  bool has_entry_ = false;
  absl::flat_hash_map<absl::string_view, int64_t> computation_ids_;
  absl::flat_hash_map<std::pair<const Instruction*, int64_t>, const Instruction*> tuple_access_;
  std::vector<PendingCallee> pending_;
};

}  // namespace

absl::Status ReadText(absl::string_view text, int64_t max_instructions, int64_t max_computations,
                      xla::HloModuleProto& module) {
  return TextReader(text, max_instructions, max_computations, module).Read();
}

}  // namespace automap
