// The front door of the agent library: train on an environment, under a budget of decisions.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/core/environment.h"
#include "agent/core/options.h"
#include "agent/core/training.h"

namespace automap {

// Trains a fresh agent on `environment` until the next episode, as long as the longest so far,
// would take more than `max_decisions` actions in all (the first episode is always played), or the
// observer says stop. Presets with greedy roll-outs keep the last episode for one. Same options,
// seed and environment: same actions, same bytes. INTERNAL when Torch fails, DATA_LOSS when
// `checkpoints.resume_from` does not fit (core/training.h).
absl::StatusOr<TrainingResult> TrainAgent(Environment& environment, const AgentOptions& options,
                                          uint64_t seed, int64_t max_decisions,
                                          const EpisodeObserver& observer,
                                          const TrainingCheckpoints& checkpoints = {});

}  // namespace automap
