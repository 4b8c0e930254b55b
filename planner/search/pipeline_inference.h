// Cuts by a policy that was trained offline on other chains (pipeline_policy.h); nothing is learned
// here.
#pragma once

#include "agent/sequence/sequence_network.h"
#include "planner/search/pipeline_engines.h"

namespace automap {

// How much is made of the policy's scores. Milliseconds.
enum class Inference {
  kRollOut,   // one episode by the largest score
  kPolished,  // the nearest local optima of its end, of that of an episode by the shortest
              // projections, which know nothing of the policy, and of simple cuts; and what is
              // clearly shorter than those at the places where they have their stages end, or at all
              // places where these are few
};

// Engine "inference". `decisions` are the candidates' choices followed, each once.
PipelineOutcome InferCuts(const PipelineProblem& problem, const SequenceNetwork& network,
                          Inference inference = Inference::kPolished);

}  // namespace automap
