// Trains the paper's flat network for cuts offline, on generated chains (section 6).
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "agent/core/options.h"
#include "agent/rainbow/q_network.h"

namespace automap {

struct FlatTraining {
  uint64_t seed = 1;
  int64_t chains = 20'000;
  int64_t interactions_each = 50;  // decisions: the paper's number
  int steps_per_update = 16;
};

struct FlatReport {
  int64_t chain = 0;
  double mean_return = 0;  // of its episodes
};

// The paper's agent for pipelines (PaperPipelineAgent) on FlatPipelineEnvironment: double DQN,
// prioritised replay, one network for all chains, each of them seen for a few episodes only. The
// paper's discount is for a stage, which here is two decisions.
// Errors are those of a gradient step (agent/rainbow/learner.h). Deterministic for one BLAS.
absl::StatusOr<QNetwork> TrainFlatPolicy(const FlatTraining& training,
                                         const std::function<void(const FlatReport&)>& observer);

}  // namespace automap
