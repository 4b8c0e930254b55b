// One operation as one device runs it: from its blocks of the operands its blocks of the results.
//
// Operations are written in the indices of the whole arrays and compute what the device's blocks of
// the results hold. Reading an element that the device does not hold gives kAbsent; contracted and
// reduced dims run over what the device holds. With whole operands and results it is the operation
// itself.
#pragma once

#include <vector>

#include "tests/support/interpreter/array.h"

namespace automap::interpreter {

struct Operation {
  const Graph* graph = nullptr;  // for the computations that it applies
  NodeId node = -1;
  Opcode opcode = Opcode::kUnknown;
  const xla::HloInstructionProto* instruction = nullptr;
  std::vector<Block> operands;
  std::vector<Block> results;  // places to compute; no values
  // Batch normalisation: the sums over all devices, see BatchNormSums; empty: the device's own.
  std::vector<Array> sums;
};

// Whether Evaluate knows the operation. The others (tokens, transfers, unknown calls) are whole
// everywhere, so that there is nothing to run.
bool IsEvaluable(Opcode opcode, const xla::HloInstructionProto& instruction);

// The values of the results' blocks, not settled.
std::vector<Array> Evaluate(const Operation& operation);

// Whether results are computed, and therefore settled, rather than moved.
bool IsArithmetic(Opcode opcode);

// Sums over what the device holds that batch normalisation adds up over all devices before it goes
// on; empty for other operations.
std::vector<Array> BatchNormSums(const Operation& operation);

// By family.
std::vector<Array> EvaluateElementwise(const Operation& operation);
std::vector<Array> EvaluateDataMovement(const Operation& operation);
std::vector<Array> EvaluateContraction(const Operation& operation);
std::vector<Array> EvaluateReduction(const Operation& operation);
std::vector<Array> EvaluateIndexed(const Operation& operation);
std::vector<Array> EvaluateMatrices(const Operation& operation);
std::vector<Array> EvaluateBatchNorm(const Operation& operation);

}  // namespace automap::interpreter
