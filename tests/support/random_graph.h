// Random graphs that are wired for propagation.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "planner/propagation/wiring.h"

namespace automap {

// A graph of about 25 random operations over every opcode. Some of its results replace parameters
// of the same shape, as those of a training step do.
struct RandomGraph {
  std::string text;
  Graph graph;
  Roles roles;
  std::unique_ptr<const Wiring> wiring;

  // Dims of tensors that a decision may name: not of scalars, nor of what depends on no parameter.
  std::vector<TensorDim> places;
};

// Follows from the seed alone.
std::unique_ptr<const RandomGraph> MakeRandomGraph(uint64_t seed);

}  // namespace automap
