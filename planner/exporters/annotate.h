// Shardings between instructions, for readers that take less than a value is held in.
#pragma once

#include <map>
#include <tuple>
#include <utility>

#include "xla/hlo.pb.h"

namespace automap {

// By place in the module: (computation, instruction[, operand]).
struct Annotations {
  std::map<std::tuple<int, int, int>, xla::OpSharding> reads;  // of one reader's operand
  std::map<std::pair<int, int>, xla::OpSharding> values;       // of all readers
};

// Puts XLA's own annotation, a custom call of "Sharding", in front of each of those reads and
// behind each of those values. Nothing else changes; new ids follow the greatest one. O(n log n).
void Annotate(const Annotations& annotations, xla::HloModuleProto& module);

}  // namespace automap
