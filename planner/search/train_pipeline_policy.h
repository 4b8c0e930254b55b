// Trains the policy for cuts offline, on generated chains.
#pragma once

#include <functional>

#include "agent/sequence/sequence_network.h"
#include "planner/explore/pipeline/pipeline_environment.h"

namespace automap {

struct OfflineTraining {
  uint64_t seed = 1;
  int64_t chains = 1200;
  int64_t episodes_each = 3;
  double learning_rate = 2e-3;  // falls linearly to a twentieth
  int updates_each = 4;         // gradient steps after each chain
  int batch = 16;               // decisions
  int64_t replay = 12000;       // decisions
};

struct OfflineReport {
  int64_t chain = 0;
  double loss = 0;  // of the last step
};

// The environment that the policy is trained and used on.
PipelineEnvironment PolicyEnvironment(const PipelineProblem& problem);

// Episodes by the policy with exploring actions; what is remembered of each decision are, for some
// of its candidates, the best returns reached behind them: hill climbing completes each of them
// with the beginning fixed, and whatever is found counts for all beginnings that it has. The target
// of a candidate is that return, relative to the best one found for its chain: a Monte-Carlo target
// over the whole episode, as the process is deterministic. Nothing is bootstrapped. Deterministic.
SequenceNetwork TrainPipelinePolicy(const OfflineTraining& training,
                                    const std::function<void(const OfflineReport&)>& observer);

}  // namespace automap
