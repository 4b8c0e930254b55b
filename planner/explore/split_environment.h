// The decision process over a SplitProblem: one decision at a time, largest first, each split or
// left replicated.
#pragma once

#include <memory>
#include <vector>

#include "agent/core/environment.h"
#include "planner/explore/split_problem.h"

namespace automap {

enum class SplitAction { kReplicate = 0, kSplit = 1 };

struct SplitEnvironmentOptions {
  // kCount, the paper's: +0.4 for every dim split, +0.1 for every dim replicated, -1 for a
  // conflict, which ends the episode and is not masked. kTime: 10 x (step time saved + change of what
  // may still be saved) / base time per decision, conflicts masked; at the end
  // -5 - 10 x (peak / limit - 1) when memory does not fit. What may still be saved is the sum of the
  // gains of the decisions that are open and not excluded: a potential, which changes no order among
  // policies (Ng, Harada, Russell 1999) but charges a split at once for the splits that it excludes.
  enum class Reward { kCount, kTime };
  Reward reward = Reward::kTime;
  // Decisions that are already taken as split and are not asked again (the paper's second stage);
  // empty: none.
  std::vector<bool> fixed;
};

// kCount observes the decision vector (1 split, 0 replicated, -1 open) and the position; kTime a
// fixed number of features of the present decision and of the state, so that what is learned holds
// for any number of decisions.
class SplitEnvironment final : public Environment {
 public:
  // `problem` must outlive the environment.
  SplitEnvironment(const SplitProblem& problem, SplitEnvironmentOptions options);

  int observation_size() const override;
  int num_actions() const override { return 2; }
  void Reset() override;
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override;

  // Which decisions are split so far.
  const std::vector<bool>& chosen() const { return chosen_; }
  // Whether the episode ended at a conflict; its plan is no plan.
  bool ended_at_conflict() const { return conflict_; }
  const SplitProblem& problem() const { return *problem_; }

 private:
  bool IsBlocked(int32_t decision) const { return blocked_[decision] > 0; }
  void Choose(int32_t decision);
  void Advance();
  double CountReward(SplitAction action);
  double TimeReward(SplitAction action);
  double EndReward() const;
  double Potential() const;
  void ObserveDecisionVector(absl::Span<float> observation) const;
  void ObserveFeatures(absl::Span<float> observation) const;

  const SplitProblem* problem_;
  SplitEnvironmentOptions options_;
  std::vector<bool> chosen_;
  std::vector<int16_t> blocked_;  // by decision: how many chosen ones exclude it
  int32_t position_ = 0;
  Seconds time_;
  Bytes memory_saved_;
  bool done_ = false;
  bool conflict_ = false;
};

}  // namespace automap
