#include "planner/explore/split_memory.h"

#include <algorithm>

namespace automap {

SplitMemory::SplitMemory(const SplitProblem& problem, bool with_copies)
    : problem_(problem),
      with_copies_(with_copies),
      chosen_(problem.decisions().size(), false),
      parts_(problem.buffers().size()),
      peak_({}, 1) {
  std::vector<Buffer> buffers = problem.buffers();
  buffers.insert(buffers.end(), problem.outer_copies().begin(), problem.outer_copies().end());
  for (size_t group = 0; with_copies && group < problem.groups().groups.size(); ++group) {
    first_copy_of_group_.push_back(static_cast<int32_t>(buffers.size()));
    for (Buffer copy : problem.copies_of(group)) {
      copy.bytes = {0};
      buffers.push_back(copy);
    }
  }
  peak_ = ChangingPeak(buffers, problem.step_count());
}

Bytes SplitMemory::Peak(const std::vector<bool>& chosen) {
  for (size_t d = 0; d < chosen.size(); ++d) {
    if (chosen[d] != chosen_[d]) Change(static_cast<int32_t>(d), chosen[d]);
  }
  return peak_.Peak();
}

// A buffer that several chosen groups split is cut by the one that cuts it into most parts.
void SplitMemory::Change(int32_t decision, bool is_split) {
  chosen_[decision] = is_split;
  for (const int32_t group : problem_.decisions()[decision].groups) {
    for (const auto& [buffer, ways] : problem_.split_buffers(group)) {
      std::vector<double>& parts = parts_[buffer];
      if (is_split) {
        parts.push_back(ways);
      } else {
        parts.erase(std::find(parts.begin(), parts.end(), ways));
      }
      double most = 1;
      for (const double some : parts) most = std::max(most, some);
      peak_.Resize(buffer, problem_.buffers()[buffer].bytes / most);
    }
    if (!with_copies_) continue;
    int32_t number = first_copy_of_group_[group];
    for (const Buffer& copy : problem_.copies_of(group))
      peak_.Resize(number++, is_split ? copy.bytes : Bytes{0});
  }
}

}  // namespace automap
