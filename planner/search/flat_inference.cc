#include "planner/search/flat_inference.h"

#include <vector>

#include "base/status_macros.h"
#include "planner/explore/pipeline/flat_environment.h"

namespace automap {

absl::StatusOr<PipelineOutcome> InferCutsFlat(const PipelineProblem& problem,
                                              const QNetwork& network) {
  RETURN_IF_ERROR(FlatPipelineEnvironment::Check(problem));
  FlatPipelineEnvironment environment(problem);
  std::vector<float> observation(environment.observation_size());
  std::vector<uint8_t> mask(environment.num_actions());
  PipelineOutcome outcome;
  outcome.engine = "inference";
  outcome.episodes = 1;
  outcome.found = true;
  while (!environment.done()) {
    environment.Observe(absl::MakeSpan(observation));
    environment.LegalActions(absl::MakeSpan(mask));
    const std::vector<float> values = network.Forward(observation, 1);
    int best = -1;
    for (int a = 0; a < environment.num_actions(); ++a) {
      if (mask[a] != 0 && (best < 0 || values[a] > values[best])) best = a;
    }
    environment.Step(best);
    ++outcome.decisions;
  }
  outcome.choice = environment.cuts();
  outcome.cost = problem.Cost(outcome.choice);
  return outcome;
}

}  // namespace automap
