// What propagation may do beyond the strict rules, as one value.
#pragma once

namespace automap {

// All false: strict. Every option but the paper's makes more splits possible or cheaper, and has
// its price as a step of the program.
struct Semantics {
  // A `reduce` over a split dimension is a conflict (the paper's results follow from it).
  bool paper_rule = false;
  // A dim may be seen as [outer, rest] and split in `rest`: it passes the reshape
  // [S, B, E] -> [S*B, E] with B split.
  bool composite_splits = false;
  // Arrays inside the step whose dims the axis does not divide are padded: devices with less work
  // wait for those with more. Parameters and results are never padded.
  bool padding = false;
  // Partial sums travel through `add` of two of them, reshapes and transposes before they are
  // combined; where all readers take the same slice, each device combines only that.
  bool deferred_sums = false;
  // Where a split meets an operation that cannot take it, the operand is gathered, or split anew,
  // for it.
  bool reshards = false;
  bool operator==(const Semantics&) const = default;
};

}  // namespace automap
