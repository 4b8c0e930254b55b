#include "agent/agents.h"

#include "agent/rainbow/train.h"

namespace automap {

absl::StatusOr<TrainingResult> TrainAgent(Environment& environment, const AgentOptions& options,
                                          uint64_t seed, int64_t max_decisions,
                                          const EpisodeObserver& observer,
                                          const TrainingCheckpoints& checkpoints) {
  RainbowAgent agent(environment.observation_size(), environment.num_actions(), options, seed,
                     Mutation::kNone, environment.candidate_features());
  return Train(environment, agent, max_decisions, observer, checkpoints);
}

}  // namespace automap
