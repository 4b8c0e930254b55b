// Rainbow without noisy nets and without distributions: double DQN, duelling heads, prioritised
// replay, n-step returns, epsilon-greedy acting, a target network, and masks for illegal actions in
// acting and in the target.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "agent/core/options.h"
#include "agent/core/random.h"
#include "agent/rainbow/learner.h"
#include "agent/rainbow/mutation.h"
#include "agent/rainbow/q_network.h"
#include "agent/replay/n_step.h"
#include "agent/replay/prioritized_replay.h"
#include "base/archive.h"

namespace automap {

// With `candidate_features` the observation is a row for each action and the network sees one row
// at a time: one scorer for all actions (its duelling advantage of a single action is nothing).
//
// Not thread-safe. Same arguments and calls: same bytes.
class RainbowAgent {
 public:
  RainbowAgent(int observation_size, int num_actions, const AgentOptions& options, uint64_t seed,
               Mutation mutation = Mutation::kNone, int candidate_features = 0);

  // A legal action: the one with the largest Q, or with probability `epsilon` a random one
  // (explore_untried), before which the returns of the steps remembered so far are cut. At least
  // one action must be legal.
  int Act(absl::Span<const float> observation, absl::Span<const uint8_t> mask, double epsilon);
  // The same with a legal action that the caller takes.
  void Follow(absl::Span<const float> observation, absl::Span<const uint8_t> mask, int action);
  // Uniform in [0, 1), of the random numbers that it acts by.
  double Draw() { return act_random_.Uniform(); }

  // Remembers a step of the current episode.
  void Remember(const std::vector<float>& observation, int action, double reward,
                const std::vector<float>& next_observation, const std::vector<uint8_t>& next_mask,
                bool done);

  // One learner update, if a batch is there. `progress` in [0, 1] anneals beta.
  absl::Status Learn(double progress);

  // Linear from epsilon_start to epsilon_end over epsilon_updates.
  double epsilon() const;

  // For each sample: reward + bootstrap x Q_target(next, argmax over legal a of Q_online(next, a)).
  std::vector<float> Targets(const ReplayBatch& batch) const;

  // Q of every action; of illegal ones in `mask` (empty: none) it may be anything.
  std::vector<float> Q(absl::Span<const float> observation,
                       absl::Span<const uint8_t> mask = {}) const {
    return Values(online_, observation, mask);
  }
  // base/archive.h; between episodes, when no n-step return is open, and into an agent made with
  // the same arguments that has not learned yet. That agent then acts and learns as this one would.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.act_random_, self.sample_random_, self.online_, self.target_, self.replay_,
            self.updates_, self.taken_);
    self.VisitMoments(archive);
  }
  const AgentOptions& options() const { return options_; }
  const QNetwork& online() const { return online_; }
  const QNetwork& target() const { return target_; }
  const PrioritizedReplay& replay() const { return replay_; }
  int64_t updates() const { return updates_; }

 private:
  std::vector<float> Values(const QNetwork& network, absl::Span<const float> observation,
                            absl::Span<const uint8_t> mask) const;
  bool IsKnown(absl::Span<const float> observation, absl::Span<const uint8_t> mask) const;
  void Take(absl::Span<const float> observation, absl::Span<const uint8_t> mask, int action,
            bool is_best);
  int AnyAction(absl::Span<const uint8_t> mask);
  int UntriedAction(uint64_t state, absl::Span<const float> values,
                    absl::Span<const uint8_t> mask) const;
  std::vector<float> RowOf(const std::vector<float>& observation, int action) const;
  void VisitMoments(ArchiveWriter& archive) const { archive(learner_.moments()); }
  void VisitMoments(ArchiveReader& archive);

  const AgentOptions options_;
  const Mutation mutation_;
  const int observation_size_, num_actions_, candidate_features_;
  Random act_random_, sample_random_;
  QNetwork online_, target_;
  Learner learner_;
  NStepBuffer n_step_;
  PrioritizedReplay replay_;
  int64_t updates_ = 0;
  // With explore_untried: the observations so far, as hashes, and what was done after them.
  std::map<uint64_t, std::vector<int32_t>> taken_;
};

}  // namespace automap
