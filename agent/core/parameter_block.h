// How the parameters of a network lie one after another.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace automap {

// A matrix, row-major, at `offset` in a network's parameters.
struct ParameterBlock {
  int64_t offset, rows, columns;
};

// Blocks of these (rows, columns), in order and without gaps.
inline std::vector<ParameterBlock> LayOut(const std::vector<std::pair<int64_t, int64_t>>& sizes) {
  std::vector<ParameterBlock> blocks;
  int64_t offset = 0;
  for (const auto& [rows, columns] : sizes) {
    blocks.push_back({offset, rows, columns});
    offset += rows * columns;
  }
  return blocks;
}

}  // namespace automap
