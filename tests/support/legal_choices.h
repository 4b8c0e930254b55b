// Brute force over the choices of a SplitProblem.
#pragma once

#include <vector>

#include "planner/explore/split_problem.h"

namespace automap {

// Calls `visit` with every choice without conflicts. O(2^decisions).
template <typename Visit>
void ForEachLegalChoice(const SplitProblem& problem, const Visit& visit) {
  const auto& decisions = problem.decisions();
  for (uint32_t bits = 0; bits < (uint32_t{1} << decisions.size()); ++bits) {
    std::vector<bool> chosen(decisions.size());
    bool is_legal = true;
    for (size_t d = 0; d < decisions.size(); ++d) {
      chosen[d] = (bits >> d & 1) != 0;
      for (const int32_t other : decisions[d].conflicts)
        is_legal = is_legal && !(chosen[d] && (bits >> other & 1) != 0);
    }
    if (is_legal) visit(chosen);
  }
}

}  // namespace automap
