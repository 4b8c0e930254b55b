#include "agent/rainbow/train.h"

#include <algorithm>
#include <vector>

#include "base/archive.h"
#include "base/status_macros.h"

namespace automap {
namespace {

class Trainer {
 public:
  Trainer(Environment& environment, RainbowAgent& agent, int64_t max_decisions,
          const EpisodeObserver& observer, const TrainingCheckpoints& checkpoints)
      : environment_(environment),
        agent_(agent),
        options_(agent.options()),
        max_decisions_(max_decisions),
        observer_(observer),
        checkpoints_(checkpoints) {}

  absl::StatusOr<TrainingResult> Run() {
    RETURN_IF_ERROR(Resume());
    const bool rolls_out = options_.greedy_rollout_every > 0;
    bool goes_on = true;
    while (goes_on && HasRoomFor(rolls_out ? 2 : 1)) {
      const bool greedy = rolls_out && (result_.episodes + 1) % options_.greedy_rollout_every == 0;
      ASSIGN_OR_RETURN(goes_on, PlayEpisode(greedy));
      if (goes_on) SaveIfDue();
    }
    if (goes_on && rolls_out && HasRoomFor(1)) RETURN_IF_ERROR(PlayEpisode(true).status());
    result_.updates = agent_.updates();
    return result_;
  }

 private:
  absl::Status Resume() {
    if (checkpoints_.resume_from.empty()) return absl::OkStatus();
    ArchiveReader archive(checkpoints_.resume_from);
    archive(result_, longest_, best_, agent_);
    return archive.is_whole() ? absl::OkStatus()
                              : absl::DataLossError("checkpoint: not one of this training");
  }

  void SaveIfDue() const {
    if (!checkpoints_.is_due || !checkpoints_.is_due()) return;
    checkpoints_.save(ToArchive(result_, longest_, best_, agent_));
  }

  bool HasRoomFor(int64_t episodes) const {
    return result_.episodes == 0 || result_.decisions + episodes * longest_ <= max_decisions_;
  }

  // How many steps an episode begins as the best one did; -1: it begins on its own.
  int64_t StepsToFollow() {
    const bool begins_as_best = options_.begin_as_best_share > 0 && !best_.empty() &&
                                agent_.Draw() < options_.begin_as_best_share;
    return begins_as_best ? static_cast<int64_t>(agent_.Draw() * std::ssize(best_)) : -1;
  }

  int Act(absl::Span<const float> observation, absl::Span<const uint8_t> mask, int64_t follows) {
    const int64_t step = std::ssize(actions_);
    if (follows < 0) return agent_.Act(observation, mask, agent_.epsilon());
    if (step >= follows) return agent_.Act(observation, mask, step == follows ? 1.0 : 0.0);
    agent_.Follow(observation, mask, best_[step]);
    return best_[step];
  }

  absl::StatusOr<bool> PlayEpisode(bool greedy) {
    environment_.Reset();
    double episode_return = 0;
    actions_.clear();
    const int64_t follows = greedy ? -1 : StepsToFollow();
    std::vector<float> observation(environment_.observation_size());
    std::vector<float> next(observation.size());
    std::vector<uint8_t> mask(environment_.num_actions());
    environment_.Observe(absl::MakeSpan(observation));
    environment_.LegalActions(absl::MakeSpan(mask));
    while (!environment_.done()) {
      const int action =
          greedy ? agent_.Act(observation, mask, 0) : Act(observation, mask, follows);
      const double reward = environment_.Step(action);
      environment_.Observe(absl::MakeSpan(next));
      environment_.LegalActions(absl::MakeSpan(mask));
      agent_.Remember(observation, action, reward, next, mask, environment_.done());
      std::swap(observation, next);
      episode_return += reward;
      actions_.push_back(action);
      if ((result_.decisions + std::ssize(actions_)) % options_.steps_per_update == 0) {
        const double progress = static_cast<double>(result_.decisions) / max_decisions_;
        RETURN_IF_ERROR(agent_.Learn(std::min(1.0, progress)));
      }
    }
    result_.decisions += std::ssize(actions_);
    longest_ = std::max<int64_t>(longest_, std::ssize(actions_));
    if (result_.episodes == 0 || episode_return > result_.best_return) {
      result_.best_return = episode_return;
      best_ = actions_;
    }
    ++result_.episodes;
    return observer_({result_.episodes, result_.decisions, episode_return, greedy});
  }

  Environment& environment_;
  RainbowAgent& agent_;
  const AgentOptions& options_;
  const int64_t max_decisions_;
  const EpisodeObserver& observer_;
  const TrainingCheckpoints& checkpoints_;
  TrainingResult result_;
  int64_t longest_ = 1;
  std::vector<int32_t> actions_, best_;  // of this episode, and of the one with the best return
};

}  // namespace

absl::StatusOr<TrainingResult> Train(Environment& environment, RainbowAgent& agent,
                                     int64_t max_decisions, const EpisodeObserver& observer,
                                     const TrainingCheckpoints& checkpoints) {
  return Trainer(environment, agent, std::max<int64_t>(1, max_decisions), observer, checkpoints)
      .Run();
}

double PlayGreedily(Environment& environment, RainbowAgent& agent) {
  std::vector<float> observation(environment.observation_size());
  std::vector<uint8_t> mask(environment.num_actions());
  double episode_return = 0;
  environment.Reset();
  while (!environment.done()) {
    environment.Observe(absl::MakeSpan(observation));
    environment.LegalActions(absl::MakeSpan(mask));
    episode_return += environment.Step(agent.Act(observation, mask, /*epsilon=*/0));
  }
  return episode_return;
}

}  // namespace automap
