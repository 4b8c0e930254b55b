// Every number of the agent, as one value; the presets are values of it.
#pragma once

#include <cstdint>

namespace automap {

struct AgentOptions {
  int hidden_units = 128;       // two layers of this width
  double learning_rate = 5e-4;  // Adam
  double discount = 0.6;
  int batch_size = 64;
  int n_step = 1;
  int replay_capacity = 2000;
  double priority_alpha = 0.2;
  double priority_beta = 0.6;
  double priority_beta_end = 0.6;  // reached when the budget ends
  double priority_epsilon = 1e-6;
  double epsilon_start = 1.0;
  double epsilon_end = 0.1;
  int epsilon_updates = 2000;  // learner updates until epsilon_end, linear
  // Exploring actions are uniformly random. With this they are the best of those that were not
  // taken yet after the same observation, while there are any, and there are none where all
  // candidates are exact: in a deterministic environment an episode that was played before teaches
  // nothing.
  bool explore_untried = false;
  // Share of the training episodes that begin as the best one so far did, up to a random step.
  // There the action is an exploring one, and from then on the policy's: what is near the best is
  // looked at closely. For deterministic environments.
  double begin_as_best_share = 0;
  int target_copy_updates = 100;
  int steps_per_update = 1;
  int greedy_rollout_every = 0;  // episodes; 0: never, nor at the end
  bool operator==(const AgentOptions&) const = default;
};

}  // namespace automap
