// The front door of the agent library: train on an environment, under a budget of decisions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

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

// A trained scorer of candidates (Environment::candidate_features), as plain numbers.
struct CandidatePolicy {
  int features = 0, hidden = 0;
  std::vector<float> parameters;
  bool operator==(const CandidatePolicy&) const = default;
};

// Trains one scorer on many environments, `episodes_each` episodes on each, until `episodes` are
// played. `make` gives the i-th environment; all have the same numbers of features and actions.
// Otherwise as TrainAgent. Checkpoint and continuation in one: training goes on from `start` when
// it has parameters.
absl::StatusOr<CandidatePolicy> TrainCandidatePolicy(
    const std::function<std::unique_ptr<Environment>(int64_t)>& make, const AgentOptions& options,
    uint64_t seed, int64_t episodes, int64_t episodes_each, const CandidatePolicy& start,
    const EpisodeObserver& observer);

// The policy's estimate of the return behind each action; minus infinity for illegal ones. No
// randomness, no learning, no Torch.
std::vector<float> ScoreActions(const CandidatePolicy& policy, const Environment& environment);

// Plays one episode by the largest score; its return.
double PlayByPolicy(const CandidatePolicy& policy, Environment& environment);

}  // namespace automap
