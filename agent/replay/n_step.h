// Turns single steps into n-step transitions.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/types/span.h"

namespace automap {

// From a state and action to the state n steps later:
//   target = reward + bootstrap x Q(next), reward = sum of discount^i r_i, bootstrap = discount^n,
// or 0 when the episode ended on the way. n is smaller where the return was cut.
struct Transition {
  std::vector<float> observation;
  int action = 0;
  double reward = 0;
  double bootstrap = 0;
  std::vector<float> next_observation;
  std::vector<uint8_t> next_mask;
};

// Collects the steps of one episode at a time. A return over several steps is that of the actions
// taken; where one of them was an exploration, the policy would have earned another. Such returns
// are cut before it (Watkins 1989): they bootstrap from the state in which it was taken.
class NStepBuffer {
 public:
  NStepBuffer(int n, double discount) : n_(n), discount_(discount) {}

  // Adds a step; the returned transitions (none, one, or at the episode's end all that are left)
  // are complete.
  std::vector<Transition> Add(std::vector<float> observation, int action, double reward,
                              const std::vector<float>& next_observation,
                              const std::vector<uint8_t>& next_mask, bool done);

  // Ends all open transitions at the present state, in which an exploring action is about to be
  // taken.
  std::vector<Transition> Cut(absl::Span<const float> observation, absl::Span<const uint8_t> mask);

 private:
  const int n_;
  const double discount_;
  std::deque<Transition> open_;
};

}  // namespace automap
