#include "planner/hlo/check_calls.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/hlo/check_shapes.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Shapes = std::vector<const xla::ShapeProto*>;

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Places of the computations that each computation calls.
absl::StatusOr<std::vector<std::vector<int32_t>>> CallGraph(const ModuleIndex& index) {
  std::vector<std::vector<int32_t>> callees(index.computations.size());
  for (size_t c = 0; c < callees.size(); ++c) {
    for (const int32_t caller : index.computations[c].callers) {
      const Instruction& instruction = index.computations[c].instruction(caller);
      for (int k = 0; k < instruction.called_computation_ids_size(); ++k) {
        const int64_t id = instruction.called_computation_ids(k);
        callees[c].push_back(index.Find(id));
        if (callees[c].back() >= 0) continue;
        return Refuse("computations[", c, "].instructions[", caller, "].called_computation_ids[", k,
                      "]: ", id, ", must be the id of a computation");
      }
    }
  }
  return callees;
}

// Depth-first with a stack of our own.
absl::Status CheckNoCycle(const ModuleIndex& index,
                          const std::vector<std::vector<int32_t>>& callees) {
  enum : char { kNew, kOpen, kDone };
  std::vector<char> state(callees.size(), kNew);
  for (size_t start = 0; start < callees.size(); ++start) {
    std::vector<std::pair<int32_t, size_t>> stack;
    if (state[start] == kNew) stack.emplace_back(start, 0), state[start] = kOpen;
    while (!stack.empty()) {
      auto& [c, next] = stack.back();
      if (next == callees[c].size()) {
        state[c] = kDone;
        stack.pop_back();
        continue;
      }
      const int32_t callee = callees[c][next++];
      if (state[callee] == kOpen) {
        return Refuse("computations[", c, "]: calls \"", index.computations[callee].proto->name(),
                      "\", which calls it in turn");
      }
      if (state[callee] == kNew) stack.emplace_back(callee, 0), state[callee] = kOpen;
    }
  }
  return absl::OkStatus();
}

const xla::ShapeProto& RootShape(const ComputationIndex& computation) {
  return computation.instruction(computation.root).shape();
}

// Whether the `k`th callee takes `arguments` and gives `result` (null: whatever it gives).
absl::Status CheckSignature(const ModuleIndex& index, const Instruction& instruction, int k,
                            const Shapes& arguments, const xla::ShapeProto* result) {
  const ComputationIndex* callee = index.Callee(instruction, k);
  if (callee == nullptr) return Refuse(k, " of them, ", instruction.opcode(), " calls more");
  const std::string& name = callee->proto->name();
  if (callee->parameters.size() != arguments.size()) {
    return Refuse("\"", name, "\" has ", callee->parameters.size(), " parameters, must be ",
                  arguments.size());
  }
  for (size_t p = 0; p < arguments.size(); ++p) {
    if (!SameShape(callee->instruction(callee->parameters[p]).shape(), *arguments[p])) {
      return Refuse("\"", name, "\" parameter ", p, " has another shape than its argument");
    }
  }
  if (result != nullptr && !SameShape(RootShape(*callee), *result)) {
    return Refuse("\"", name, "\" returns another shape than the instruction");
  }
  return absl::OkStatus();
}

absl::Status CheckLoop(const ModuleIndex& index, const Instruction& loop, const Shapes& operands) {
  RETURN_IF_ERROR(CheckSignature(index, loop, 0, operands, &loop.shape()));
  RETURN_IF_ERROR(CheckSignature(index, loop, 1, operands, nullptr));
  const xla::ShapeProto& condition = RootShape(*index.Callee(loop, 1));
  if (condition.element_type() != xla::PRED || condition.dimensions_size() > 0) {
    return Refuse("the condition must return pred[]");
  }
  return SameShape(*operands[0], loop.shape())
             ? absl::OkStatus()
             : Refuse("the loop returns another shape than it takes");
}

absl::Status CheckBranches(const ModuleIndex& index, const Instruction& conditional,
                           const Shapes& operands) {
  const int branches = conditional.called_computation_ids_size();
  if (branches < 1 || static_cast<int>(operands.size()) != branches + 1) {
    return Refuse(branches, " branches, must be one less than operands");
  }
  for (int b = 0; b < branches; ++b) {
    RETURN_IF_ERROR(CheckSignature(index, conditional, b, {operands[b + 1]}, &conditional.shape()));
  }
  return absl::OkStatus();
}

absl::Status CheckCall(const ModuleIndex& index, Opcode opcode, const Instruction& instruction,
                       const Shapes& operands) {
  const int callees = instruction.called_computation_ids_size();
  switch (opcode) {
    case Opcode::kCall:
    case Opcode::kFusion:
      return CheckSignature(index, instruction, 0, operands, &instruction.shape());
    case Opcode::kWhile:
      return CheckLoop(index, instruction, operands);
    case Opcode::kConditional:
      return CheckBranches(index, instruction, operands);
    case Opcode::kSelectAndScatter:
      return callees == 2 ? absl::OkStatus() : Refuse("must be two");
    default:
      return callees >= 1 ? absl::OkStatus() : Refuse("missing");
  }
}

}  // namespace

bool NeedsCallee(Opcode opcode) {
  switch (opcode) {
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

absl::Status CheckCalls(const ModuleIndex& index) {
  ASSIGN_OR_RETURN(const auto callees, CallGraph(index));
  RETURN_IF_ERROR(CheckNoCycle(index, callees));
  for (size_t c = 0; c < index.computations.size(); ++c) {
    const ComputationIndex& computation = index.computations[c];
    for (const int32_t caller : computation.callers) {
      Shapes operands;
      for (const int32_t operand : computation.operands_of(caller)) {
        operands.push_back(&computation.instruction(operand).shape());
      }
      const absl::Status status =
          CheckCall(index, computation.opcodes[caller], computation.instruction(caller), operands);
      if (status.ok()) continue;
      return Refuse("computations[", c, "].instructions[", caller,
                    "].called_computation_ids: ", status.message());
    }
  }
  return absl::OkStatus();
}

}  // namespace automap
