#include "planner/hlo/inline_calls.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/arena.h"
#include "planner/hlo/check_module.h"
#include "planner/hlo/complete_module.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;

constexpr int kControlPredecessors = 37;  // HloInstructionProto.control_predecessor_ids

bool IsHalf(const Instruction& instruction) {
  const std::string& opcode = instruction.opcode();
  return absl::EndsWith(opcode, "-start") || absl::EndsWith(opcode, "-done") ||
         opcode == "async-update";
}

class Inliner {
 public:
  Inliner(const HloModule& from, int64_t max_instructions, xla::HloComputationProto& to)
      : from_(from), max_instructions_(max_instructions), to_(to) {
    const xla::HloComputationProto& entry = *from_.index.computations[from_.index.entry].proto;
    is_packed_ = entry.root_id() >> 32 != 0;
    for (const auto& computation : from_.proto->computations()) {
      for (const Instruction& instruction : computation.instructions())
        next_ = std::max(next_, is_packed_ ? 0 : instruction.id());
    }
  }

  absl::Status Run() {
    ASSIGN_OR_RETURN(const int64_t root,
                     Enter(from_.index.computations[from_.index.entry], nullptr, ""));
    to_.set_root_id(root);
    return absl::OkStatus();
  }

 private:
  int64_t NewId() { return is_packed_ ? (to_.id() << 32 | ++next_) : ++next_; }

  // Appends a computation's operations and returns its root's new id. `arguments` are those of its
  // parameters; null: they stay parameters.
  absl::StatusOr<int64_t> Enter(const ComputationIndex& body, const std::vector<int64_t>* arguments,
                                const std::string& prefix) {
    std::vector<int64_t> ids;
    for (int32_t i = 0; i < body.size(); ++i) {
      const Instruction& instruction = body.instruction(i);
      std::vector<int64_t> operands;
      for (const int32_t operand : body.operands_of(i)) operands.push_back(ids[operand]);
      if (body.opcodes[i] == Opcode::kParameter && arguments != nullptr) {
        ids.push_back((*arguments)[instruction.parameter_number()]);
      } else if (body.opcodes[i] == Opcode::kCall || body.opcodes[i] == Opcode::kFusion) {
        ASSIGN_OR_RETURN(const int64_t root, Enter(*from_.index.Callee(instruction, 0), &operands,
                                                   absl::StrCat(prefix, instruction.name(), ".")));
        ids.push_back(root);
      } else {
        ASSIGN_OR_RETURN(const int64_t id, Append(instruction, operands, prefix));
        ids.push_back(id);
      }
    }
    return ids[body.root];
  }

  absl::StatusOr<int64_t> Append(const Instruction& instruction,
                                 const std::vector<int64_t>& operands, const std::string& prefix) {
    if (IsHalf(instruction)) {
      return absl::UnimplementedError(
          absl::StrCat("module: ", instruction.name(), " is an operation in two halves (",
                       instruction.opcode(), "); export the module before a compiler's passes"));
    }
    if (to_.instructions_size() >= max_instructions_) {
      return absl::ResourceExhaustedError(absl::StrCat("module: more than ", max_instructions_,
                                                       " instructions once calls are entered"));
    }
    Instruction& added = *to_.add_instructions();
    added = instruction;
    added.set_id(NewId());
    added.set_name(absl::StrCat(prefix, instruction.name()));
    added.mutable_operand_ids()->Assign(operands.begin(), operands.end());
    added.GetReflection()->MutableUnknownFields(&added)->DeleteByNumber(kControlPredecessors);
    return added.id();
  }

  const HloModule& from_;
  const int64_t max_instructions_;
  xla::HloComputationProto& to_;
  bool is_packed_ = false;
  int64_t next_ = 0;
};

}  // namespace

absl::StatusOr<HloModule> InlineCalls(const HloModule& module, int64_t max_instructions) {
  HloModule inlined;
  inlined.arena = std::make_shared<google::protobuf::Arena>();
  auto* message = google::protobuf::Arena::CreateMessage<xla::HloModuleProto>(inlined.arena.get());
  *message = *module.proto;
  xla::HloComputationProto& entry = *message->mutable_computations(module.index.entry);
  entry.clear_instructions();
  RETURN_IF_ERROR(Inliner(module, max_instructions, entry).Run());
  CompleteModule(*message);
  inlined.proto = message;
  ASSIGN_OR_RETURN(inlined.index, CheckModule(*message));
  return inlined;
}

}  // namespace automap
