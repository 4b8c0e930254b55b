// Whether an instruction's shapes and dimension numbers fit together.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "planner/hlo/opcode.h"
#include "xla/hlo.pb.h"

namespace automap {

// What a check says: nothing, or the field (relative to the instruction, may be empty) and what is
// wrong with it.
struct Complaint {
  std::string field, text;
  bool is_fine() const { return text.empty(); }
};

// Checks one instruction whose operand count is right and whose shapes are valid. Shapes of dynamic
// size are compared by rank only. Opcodes without a check are fine.
Complaint CheckShapes(Opcode opcode, const xla::HloInstructionProto& instruction,
                      const std::vector<const xla::ShapeProto*>& operands);

// Whether two shapes are equal up to layout, tuples element by element.
bool SameShape(const xla::ShapeProto& a, const xla::ShapeProto& b);

}  // namespace automap
