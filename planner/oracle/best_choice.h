// The exact answer to a choice among decisions that exclude each other: branch and bound.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace automap {

struct Choice {
  std::vector<bool> chosen;
  double gain = 0;         // of `chosen`
  double upper_bound = 0;  // no choice gains more; equals `gain` when proved
  bool is_proved = false;
};

// The set of pairwise compatible items with the largest sum of gains (a maximum-weight independent
// set). Items that gain nothing are never chosen. Works component by component of the conflict
// graph; a component that is not finished after `max_nodes` search nodes, or when `stop` (asked
// every few microseconds) says so, leaves a bound instead of a proof. conflicts[i] lists what
// excludes i, symmetric.
Choice BestChoice(const std::vector<double>& gains,
                  const std::vector<std::vector<int32_t>>& conflicts, int64_t max_nodes = 1'000'000,
                  const std::function<bool()>& stop = nullptr);

}  // namespace automap
