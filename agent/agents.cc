#include "agent/agents.h"

#include <algorithm>
#include <limits>

#include "agent/rainbow/train.h"
#include "base/status_macros.h"

namespace automap {

absl::StatusOr<TrainingResult> TrainAgent(Environment& environment, const AgentOptions& options,
                                          uint64_t seed, int64_t max_decisions,
                                          const EpisodeObserver& observer,
                                          const TrainingCheckpoints& checkpoints) {
  RainbowAgent agent(environment.observation_size(), environment.num_actions(), options, seed,
                     Mutation::kNone, environment.candidate_features());
  return Train(environment, agent, max_decisions, observer, checkpoints);
}

absl::StatusOr<CandidatePolicy> TrainCandidatePolicy(
    const std::function<std::unique_ptr<Environment>(int64_t)>& make, const AgentOptions& options,
    uint64_t seed, int64_t episodes, int64_t episodes_each, const CandidatePolicy& start,
    const EpisodeObserver& observer) {
  std::unique_ptr<Environment> environment = make(0);
  const int features = environment->candidate_features();
  RainbowAgent agent(environment->observation_size(), environment->num_actions(), options, seed,
                     Mutation::kNone, features);
  if (!start.parameters.empty())
    agent.StartFrom({start.features, start.hidden, 1, start.parameters});
  bool goes_on = true;
  for (int64_t played = 0, index = 0; goes_on && played < episodes; ++index) {
    if (index > 0) environment = make(index);
    int64_t here = 0;
    const auto observe = [&](const EpisodeReport& report) {
      EpisodeReport whole = report;
      whole.episode = played + report.episode;
      goes_on = observer(whole);
      return goes_on && ++here < episodes_each;
    };
    RETURN_IF_ERROR(Train(*environment, agent, int64_t{1} << 40, observe).status());
    played += episodes_each;
  }
  return CandidatePolicy{features, options.hidden_units, agent.online().parameters};
}

std::vector<float> ScoreActions(const CandidatePolicy& policy, const Environment& environment) {
  const QNetwork network = {policy.features, policy.hidden, 1, policy.parameters};
  std::vector<float> observation(environment.observation_size());
  std::vector<uint8_t> mask(environment.num_actions());
  environment.Observe(absl::MakeSpan(observation));
  environment.LegalActions(absl::MakeSpan(mask));
  std::vector<float> scores(mask.size(), -std::numeric_limits<float>::infinity());
  for (size_t a = 0; a < mask.size(); ++a) {
    if (mask[a] == 0) continue;
    const auto row = absl::MakeConstSpan(observation).subspan(a * policy.features, policy.features);
    scores[a] = row[0];
    if (row[1] != 0) scores[a] += network.Forward(row, 1).front();
  }
  return scores;
}

double PlayByPolicy(const CandidatePolicy& policy, Environment& environment) {
  double episode_return = 0;
  environment.Reset();
  while (!environment.done()) {
    const std::vector<float> scores = ScoreActions(policy, environment);
    const auto best = std::max_element(scores.begin(), scores.end());
    episode_return += environment.Step(static_cast<int>(best - scores.begin()));
  }
  return episode_return;
}

}  // namespace automap
