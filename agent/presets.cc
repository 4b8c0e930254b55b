#include "agent/presets.h"

namespace automap {

AgentOptions PaperAgent() { return {}; }

AgentOptions DefaultAgent() {
  AgentOptions options;
  options.hidden_units = 64;
  options.learning_rate = 1e-3;
  options.discount = 1.0;
  options.n_step = 8;
  options.replay_capacity = 8000;
  options.priority_alpha = 0.4;
  options.priority_beta = 0.4;
  options.priority_beta_end = 1.0;
  options.epsilon_end = 0.02;
  options.epsilon_updates = 300;
  options.steps_per_update = 4;
  options.greedy_rollout_every = 5;
  return options;
}

AgentOptions PaperPipelineAgent() {
  AgentOptions options;
  options.learning_rate = 1e-3;
  options.epsilon_updates = 10000;
  return options;
}

AgentOptions PipelineAgent() {
  AgentOptions options = DefaultAgent();
  options.discount = 1.0;
  options.batch_size = 32;
  options.replay_capacity = 2000;
  options.epsilon_end = 0.1;
  options.epsilon_updates = 250;
  options.steps_per_update = 2;
  options.explore_untried = true;
  options.begin_as_best_share = 0.5;
  options.greedy_rollout_every = 3;
  return options;
}

}  // namespace automap
