#include "planner/search/train_flat_policy.h"

#include <cmath>

#include "agent/presets.h"
#include "agent/rainbow/rainbow_agent.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/flat_environment.h"
#include "planner/explore/pipeline/generated_chain.h"

namespace automap {
namespace {

class FlatTrainer {
 public:
  explicit FlatTrainer(const FlatTraining& training)
      : training_(training),
        agent_(FlatPipelineEnvironment::kObservation, kActions, OptionsOf(training),
               training.seed) {}

  // Episodes until there were enough decisions; the mean return.
  absl::StatusOr<double> Play(FlatPipelineEnvironment& environment) {
    double sum = 0;
    int episodes = 0;
    for (int64_t end = decisions_ + training_.interactions_each; decisions_ < end; ++episodes) {
      ASSIGN_OR_RETURN(const double reached, PlayEpisode(environment));
      sum += reached;
    }
    return sum / episodes;
  }

  const QNetwork& network() const { return agent_.online(); }

 private:
  static constexpr int kActions =
      FlatPipelineEnvironment::kPoints + FlatPipelineEnvironment::kMostDevices;

  static AgentOptions OptionsOf(const FlatTraining& training) {
    AgentOptions options = PaperPipelineAgent();
    options.steps_per_update = training.steps_per_update;
    options.discount = std::sqrt(options.discount);
    return options;
  }

  absl::StatusOr<double> PlayEpisode(FlatPipelineEnvironment& environment) {
    environment.Reset();
    environment.Observe(absl::MakeSpan(observation_));
    environment.LegalActions(absl::MakeSpan(mask_));
    double reward = 0;
    while (!environment.done()) {
      const int action = agent_.Act(observation_, mask_, agent_.epsilon());
      reward = environment.Step(action);
      environment.Observe(absl::MakeSpan(next_));
      environment.LegalActions(absl::MakeSpan(mask_));
      agent_.Remember(observation_, action, reward, next_, mask_, environment.done());
      std::swap(observation_, next_);
      if (++decisions_ % training_.steps_per_update == 0) RETURN_IF_ERROR(agent_.Learn(0));
    }
    return reward;
  }

  const FlatTraining training_;
  RainbowAgent agent_;
  int64_t decisions_ = 0;
  std::vector<float> observation_ = std::vector<float>(FlatPipelineEnvironment::kObservation);
  std::vector<float> next_ = observation_;
  std::vector<uint8_t> mask_ = std::vector<uint8_t>(kActions);
};

}  // namespace

absl::StatusOr<QNetwork> TrainFlatPolicy(const FlatTraining& training,
                                         const std::function<void(const FlatReport&)>& observer) {
  FlatTrainer trainer(training);
  for (int64_t chain = 0; chain < training.chains; ++chain) {
    const auto made = GeneratePipeline(TrainingChain(training.seed, chain));
    if (!FlatPipelineEnvironment::Check(*made->problem).ok()) continue;
    FlatPipelineEnvironment environment(*made->problem);
    ASSIGN_OR_RETURN(const double mean, trainer.Play(environment));
    observer({chain + 1, mean});
  }
  return trainer.network();
}

}  // namespace automap
