// The front door of the agent library: train on an environment, under a budget of decisions.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "agent/core/environment.h"
#include "agent/core/options.h"

namespace automap {

// What one finished episode was.
struct EpisodeReport {
  int64_t episode = 0;    // 1, 2, ...
  int64_t decisions = 0;  // taken so far, this episode's included
  double episode_return = 0;
  bool greedy = false;  // a roll-out of the policy at epsilon 0
};

// Called after every episode; the environment is still in its final state. Returns false to stop.
using EpisodeObserver = std::function<bool(const EpisodeReport&)>;

struct TrainingResult {
  int64_t episodes = 0;
  int64_t decisions = 0;
  int64_t updates = 0;
  double best_return = 0;
};

// Trains a fresh agent on `environment` until the next episode, as long as the longest so far, would take more than
// `max_decisions` actions in all (the first episode is always played), or the observer says stop. Presets with greedy
// roll-outs keep the last episode for one. Same options, seed and environment: same actions, same bytes.
// INTERNAL when Torch fails.
absl::StatusOr<TrainingResult> TrainAgent(Environment& environment, const AgentOptions& options, uint64_t seed,
                                          int64_t max_decisions, const EpisodeObserver& observer);

}  // namespace automap
