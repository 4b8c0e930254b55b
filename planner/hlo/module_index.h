// A module by positions instead of by ids: what everything behind the reader works with.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "planner/hlo/opcode.h"
#include "xla/hlo.pb.h"

namespace automap {

// A computation whose instructions are numbered by their place in it. About 10 bytes per
// instruction.
struct ComputationIndex {
  const xla::HloComputationProto* proto = nullptr;
  std::vector<Opcode> opcodes;         // by instruction
  std::vector<int32_t> operand_begin;  // by instruction, and one more at the end
  std::vector<int32_t> operands;       // all operand lists, one after the other
  std::vector<int32_t> parameters;     // instruction, by parameter number
  std::vector<int32_t> callers;        // instructions that call computations, or should
  int32_t root = -1;

  int32_t size() const { return static_cast<int32_t>(opcodes.size()); }
  const xla::HloInstructionProto& instruction(int32_t i) const { return proto->instructions(i); }
  absl::Span<const int32_t> operands_of(int32_t i) const {
    return absl::MakeConstSpan(operands).subspan(operand_begin[i],
                                                 operand_begin[i + 1] - operand_begin[i]);
  }
};

struct ModuleIndex {
  std::vector<ComputationIndex> computations;      // as in the module
  std::vector<std::pair<int64_t, int32_t>> by_id;  // id and place, sorted
  int32_t entry = -1;

  // Place of the computation of that id, -1 if there is none. O(log number of computations).
  int32_t Find(int64_t id) const;
  // The `k`th computation that an instruction calls, or null.
  const ComputationIndex* Callee(const xla::HloInstructionProto& instruction, int k) const;
};

}  // namespace automap
