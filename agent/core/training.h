// What a training run reports, while it goes on and at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace automap {

// What one finished episode was.
struct EpisodeReport {
  int64_t episode = 0;    // 1, 2, ...
  int64_t decisions = 0;  // taken so far, this episode's included
  double episode_return = 0;
  bool greedy = false;  // a roll-out of the policy at epsilon 0
  bool operator==(const EpisodeReport&) const = default;
};

// Called after every episode; the environment is still in its final state. Returns false to stop.
using EpisodeObserver = std::function<bool(const EpisodeReport&)>;

struct TrainingResult {
  int64_t episodes = 0;
  int64_t decisions = 0;
  int64_t updates = 0;
  double best_return = 0;
  bool operator==(const TrainingResult&) const = default;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.episodes, self.decisions, self.updates, self.best_return);
  }
};

// How a training run is interrupted and goes on in another process. A run that goes on from what
// `save` was given, with the same arguments, plays and learns what the undisturbed one would have
// played and learned after that episode.
struct TrainingCheckpoints {
  std::string resume_from;       // empty: begin
  std::function<bool()> is_due;  // asked between episodes; null: never
  std::function<void(std::string state)> save;
};

}  // namespace automap
