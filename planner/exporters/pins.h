// How much of a plan an exported module holds fast.
#pragma once

namespace automap {

enum class Pins {
  kBorder,  // parameters and the root
  kValues,  // every instruction. One that different call sites split differently is left open
  // Every value, and every read that takes a slice of one, by annotations between them: the program
  // that the plan prices, with nothing left for XLA to choose. Loops keep theirs, too.
  kReads,
};

}  // namespace automap
