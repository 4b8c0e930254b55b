// Turns single steps into n-step transitions.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace automap {

// From a state and action to the state n steps later:
//   target = reward + bootstrap x Q(next), reward = sum of discount^i r_i, bootstrap = discount^n,
// or 0 when the episode ended on the way.
struct Transition {
  std::vector<float> observation;
  int action = 0;
  double reward = 0;
  double bootstrap = 0;
  std::vector<float> next_observation;
  std::vector<uint8_t> next_mask;
};

// Collects the steps of one episode at a time.
class NStepBuffer {
 public:
  NStepBuffer(int n, double discount) : n_(n), discount_(discount) {}

  // Adds a step; the returned transitions (none, one, or at the episode's end all that are left)
  // are complete.
  std::vector<Transition> Add(std::vector<float> observation, int action, double reward,
                              const std::vector<float>& next_observation,
                              const std::vector<uint8_t>& next_mask, bool done);

 private:
  const int n_;
  const double discount_;
  std::deque<Transition> open_;
};

}  // namespace automap
