// The operations of HLO: the names that the format writes, and what the reader must know of each.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace automap {

// What an operation does with its operands.
enum class OpcodeKind : uint8_t {
  kElementwise,  // arrays of one shape; each element depends on the same element of the operands
                 // only
  kIdentity,     // the same, element by element of tuples too: copies, choices, loops, branches
  kArrays,       // arrays
  kAnything,     // arrays, tuples, tokens, or nothing at all
};

// One row per opcode: enumerator, name in the format, least and greatest number of operands (-1:
// any number), kind. Sorted by name.
#define AUTOMAP_OPCODES(X)                                                 \
  X(kAbs, "abs", 1, 1, kElementwise)                                       \
  X(kAcos, "acos", 1, 1, kElementwise)                                     \
  X(kAcosh, "acosh", 1, 1, kElementwise)                                   \
  X(kAdd, "add", 2, 2, kElementwise)                                       \
  X(kAddDependency, "add-dependency", 2, 2, kAnything)                     \
  X(kAfterAll, "after-all", 0, -1, kAnything)                              \
  X(kAllGather, "all-gather", 1, -1, kArrays)                              \
  X(kAllGatherDone, "all-gather-done", 1, 1, kAnything)                    \
  X(kAllGatherStart, "all-gather-start", 1, -1, kAnything)                 \
  X(kAllReduce, "all-reduce", 1, -1, kArrays)                              \
  X(kAllReduceDone, "all-reduce-done", 1, 1, kAnything)                    \
  X(kAllReduceStart, "all-reduce-start", 1, -1, kAnything)                 \
  X(kAllToAll, "all-to-all", 1, -1, kArrays)                               \
  X(kAnd, "and", 2, 2, kElementwise)                                       \
  X(kAsin, "asin", 1, 1, kElementwise)                                     \
  X(kAsinh, "asinh", 1, 1, kElementwise)                                   \
  X(kAsyncDone, "async-done", 1, 1, kAnything)                             \
  X(kAsyncStart, "async-start", 0, -1, kAnything)                          \
  X(kAsyncUpdate, "async-update", 1, -1, kAnything)                        \
  X(kAtan2, "atan2", 2, 2, kElementwise)                                   \
  X(kAtanh, "atanh", 1, 1, kElementwise)                                   \
  X(kBatchNormGrad, "batch-norm-grad", 5, 5, kArrays)                      \
  X(kBatchNormInference, "batch-norm-inference", 5, 5, kArrays)            \
  X(kBatchNormTraining, "batch-norm-training", 3, 3, kArrays)              \
  X(kBitcast, "bitcast", 1, 1, kArrays)                                    \
  X(kBitcastConvert, "bitcast-convert", 1, 1, kArrays)                     \
  X(kBroadcast, "broadcast", 1, 1, kArrays)                                \
  X(kCall, "call", 0, -1, kAnything)                                       \
  X(kCbrt, "cbrt", 1, 1, kElementwise)                                     \
  X(kCeil, "ceil", 1, 1, kElementwise)                                     \
  X(kCholesky, "cholesky", 1, 1, kArrays)                                  \
  X(kClamp, "clamp", 3, 3, kElementwise)                                   \
  X(kCollectiveBroadcast, "collective-broadcast", 1, -1, kArrays)          \
  X(kCollectivePermute, "collective-permute", 1, -1, kArrays)              \
  X(kCollectivePermuteDone, "collective-permute-done", 1, 1, kAnything)    \
  X(kCollectivePermuteStart, "collective-permute-start", 1, -1, kAnything) \
  X(kCompare, "compare", 2, 2, kElementwise)                               \
  X(kComplex, "complex", 2, 2, kElementwise)                               \
  X(kConcatenate, "concatenate", 1, -1, kArrays)                           \
  X(kConditional, "conditional", 1, -1, kIdentity)                         \
  X(kConstant, "constant", 0, 0, kAnything)                                \
  X(kConvert, "convert", 1, 1, kElementwise)                               \
  X(kConvolution, "convolution", 2, -1, kArrays)                           \
  X(kCopy, "copy", 1, 1, kIdentity)                                        \
  X(kCopyDone, "copy-done", 1, 1, kAnything)                               \
  X(kCopyStart, "copy-start", 1, 1, kAnything)                             \
  X(kCosh, "cosh", 1, 1, kElementwise)                                     \
  X(kCosine, "cosine", 1, 1, kElementwise)                                 \
  X(kCountLeadingZeros, "count-leading-zeros", 1, 1, kElementwise)         \
  X(kCustomCall, "custom-call", 0, -1, kAnything)                          \
  X(kDivide, "divide", 2, 2, kElementwise)                                 \
  X(kDomain, "domain", 1, 1, kAnything)                                    \
  X(kDot, "dot", 2, -1, kArrays)                                           \
  X(kDynamicReshape, "dynamic-reshape", 1, -1, kArrays)                    \
  X(kDynamicSlice, "dynamic-slice", 1, -1, kArrays)                        \
  X(kDynamicUpdateSlice, "dynamic-update-slice", 2, -1, kArrays)           \
  X(kErf, "erf", 1, 1, kElementwise)                                       \
  X(kExponential, "exponential", 1, 1, kElementwise)                       \
  X(kExponentialMinusOne, "exponential-minus-one", 1, 1, kElementwise)     \
  X(kFft, "fft", 1, 1, kArrays)                                            \
  X(kFloor, "floor", 1, 1, kElementwise)                                   \
  X(kFusion, "fusion", 0, -1, kAnything)                                   \
  X(kGather, "gather", 2, 2, kArrays)                                      \
  X(kGetDimensionSize, "get-dimension-size", 1, 1, kArrays)                \
  X(kGetTupleElement, "get-tuple-element", 1, 1, kAnything)                \
  X(kImag, "imag", 1, 1, kElementwise)                                     \
  X(kInfeed, "infeed", 0, -1, kAnything)                                   \
  X(kIota, "iota", 0, 0, kArrays)                                          \
  X(kIsFinite, "is-finite", 1, 1, kElementwise)                            \
  X(kLog, "log", 1, 1, kElementwise)                                       \
  X(kLogPlusOne, "log-plus-one", 1, 1, kElementwise)                       \
  X(kLogistic, "logistic", 1, 1, kElementwise)                             \
  X(kMap, "map", 1, -1, kElementwise)                                      \
  X(kMaximum, "maximum", 2, 2, kElementwise)                               \
  X(kMinimum, "minimum", 2, 2, kElementwise)                               \
  X(kMulhi, "mulhi", 2, 2, kElementwise)                                   \
  X(kMultiply, "multiply", 2, 2, kElementwise)                             \
  X(kNegate, "negate", 1, 1, kElementwise)                                 \
  X(kNot, "not", 1, 1, kElementwise)                                       \
  X(kOptBarrier, "opt-barrier", 0, -1, kAnything)                          \
  X(kOr, "or", 2, 2, kElementwise)                                         \
  X(kOutfeed, "outfeed", 2, 2, kAnything)                                  \
  X(kPad, "pad", 2, 2, kArrays)                                            \
  X(kParameter, "parameter", 0, 0, kAnything)                              \
  X(kPartitionId, "partition-id", 0, 0, kArrays)                           \
  X(kPopcnt, "popcnt", 1, 1, kElementwise)                                 \
  X(kPower, "power", 2, 2, kElementwise)                                   \
  X(kRaggedAllToAll, "ragged-all-to-all", 2, -1, kArrays)                  \
  X(kRaggedDot, "ragged-dot", 3, 3, kArrays)                               \
  X(kReal, "real", 1, 1, kElementwise)                                     \
  X(kRecv, "recv", 1, 1, kAnything)                                        \
  X(kRecvDone, "recv-done", 1, 1, kAnything)                               \
  X(kReduce, "reduce", 2, -1, kArrays)                                     \
  X(kReducePrecision, "reduce-precision", 1, 1, kElementwise)              \
  X(kReduceScatter, "reduce-scatter", 1, -1, kArrays)                      \
  X(kReduceWindow, "reduce-window", 2, -1, kArrays)                        \
  X(kRemainder, "remainder", 2, 2, kElementwise)                           \
  X(kReplicaId, "replica-id", 0, 0, kArrays)                               \
  X(kReshape, "reshape", 1, 1, kArrays)                                    \
  X(kReverse, "reverse", 1, 1, kArrays)                                    \
  X(kRng, "rng", 0, -1, kArrays)                                           \
  X(kRngBitGenerator, "rng-bit-generator", 1, 1, kArrays)                  \
  X(kRngGetAndUpdateState, "rng-get-and-update-state", 0, 0, kArrays)      \
  X(kRoundNearestAfz, "round-nearest-afz", 1, 1, kElementwise)             \
  X(kRoundNearestEven, "round-nearest-even", 1, 1, kElementwise)           \
  X(kRsqrt, "rsqrt", 1, 1, kElementwise)                                   \
  X(kScaledDot, "scaled-dot", 4, 4, kArrays)                               \
  X(kScan, "scan", 1, -1, kAnything)                                       \
  X(kScatter, "scatter", 3, -1, kArrays)                                   \
  X(kSelect, "select", 3, 3, kElementwise)                                 \
  X(kSelectAndScatter, "select-and-scatter", 3, 3, kArrays)                \
  X(kSend, "send", 2, 2, kAnything)                                        \
  X(kSendDone, "send-done", 1, 1, kAnything)                               \
  X(kSetDimensionSize, "set-dimension-size", 2, 2, kArrays)                \
  X(kShiftLeft, "shift-left", 2, 2, kElementwise)                          \
  X(kShiftRightArithmetic, "shift-right-arithmetic", 2, 2, kElementwise)   \
  X(kShiftRightLogical, "shift-right-logical", 2, 2, kElementwise)         \
  X(kSign, "sign", 1, 1, kElementwise)                                     \
  X(kSine, "sine", 1, 1, kElementwise)                                     \
  X(kSinh, "sinh", 1, 1, kElementwise)                                     \
  X(kSlice, "slice", 1, 1, kArrays)                                        \
  X(kSort, "sort", 1, -1, kArrays)                                         \
  X(kSqrt, "sqrt", 1, 1, kElementwise)                                     \
  X(kStochasticConvert, "stochastic-convert", 2, 2, kElementwise)          \
  X(kSubtract, "subtract", 2, 2, kElementwise)                             \
  X(kTan, "tan", 1, 1, kElementwise)                                       \
  X(kTanh, "tanh", 1, 1, kElementwise)                                     \
  X(kTopk, "topk", 1, 1, kArrays)                                          \
  X(kTranspose, "transpose", 1, 1, kArrays)                                \
  X(kTriangularSolve, "triangular-solve", 2, 2, kArrays)                   \
  X(kTuple, "tuple", 0, -1, kAnything)                                     \
  X(kWhile, "while", 1, 1, kIdentity)                                      \
  X(kXor, "xor", 2, 2, kElementwise)

enum class Opcode : uint8_t {
#define AUTOMAP_ENUMERATOR(enumerator, name, min_operands, max_operands, kind) enumerator,
  AUTOMAP_OPCODES(AUTOMAP_ENUMERATOR)
#undef AUTOMAP_ENUMERATOR
      kUnknown,
};

inline constexpr int kOpcodeCount = static_cast<int>(Opcode::kUnknown);

struct OpcodeTraits {
  absl::string_view name;
  int min_operands = 0, max_operands = -1;
  OpcodeKind kind = OpcodeKind::kAnything;
};

// kUnknown: any operands.
const OpcodeTraits& TraitsOf(Opcode opcode);

// The opcode that `name` stands for, old spellings included (cross-replica-sum, equal-to, ...);
// kUnknown when there is none. O(log number of opcodes).
Opcode OpcodeFromName(absl::string_view name);

// The name in the format; "unknown" for kUnknown.
absl::string_view OpcodeName(Opcode opcode);

// Whether every element of the result depends on the same element of the operands only.
bool IsElementwise(Opcode opcode);

}  // namespace automap
