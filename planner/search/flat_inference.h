// Cuts by the paper's flat network, trained offline on other chains; nothing is learned here.
#pragma once

#include "absl/status/statusor.h"
#include "agent/rainbow/q_network.h"
#include "planner/search/pipeline_engines.h"

namespace automap {

// Engine "inference" of the paper's preset: one episode by the largest Q, at epsilon 0. Errors are
// FlatPipelineEnvironment::Check's. Microseconds for each decision.
absl::StatusOr<PipelineOutcome> InferCutsFlat(const PipelineProblem& problem,
                                              const QNetwork& network);

}  // namespace automap
