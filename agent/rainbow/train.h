// Episodes of one agent on one environment: acting, remembering, learning, under a budget.
#pragma once

#include "absl/status/statusor.h"
#include "agent/core/environment.h"
#include "agent/core/training.h"
#include "agent/rainbow/rainbow_agent.h"

namespace automap {

// As TrainAgent (agent/agents.h), with an agent that stays with the caller, who can look at what it
// learned. `observer` must be callable. DATA_LOSS when `checkpoints.resume_from` does not fit; the
// agent is of no use then.
absl::StatusOr<TrainingResult> Train(Environment& environment, RainbowAgent& agent,
                                     int64_t max_decisions, const EpisodeObserver& observer,
                                     const TrainingCheckpoints& checkpoints = {});

// Plays one episode at epsilon 0 without remembering or learning; its return.
double PlayGreedily(Environment& environment, RainbowAgent& agent);

}  // namespace automap
