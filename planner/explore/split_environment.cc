#include "planner/explore/split_environment.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

constexpr double kSplitReward = 0.4, kReplicateReward = 0.1,
                 kConflictReward = -1;  // paper section 3
constexpr double kTimeScale = 10;
constexpr int kFeatures = 16;

// Keeps sign and order, spreads small numbers: shares of the step time range from 1e-6 to 1.
float Spread(double share) {
  return static_cast<float>(
      std::copysign(std::log1p(1e4 * std::abs(share)) / std::log1p(1e4), share));
}

}  // namespace

SplitEnvironment::SplitEnvironment(const SplitProblem& problem, SplitEnvironmentOptions options)
    : problem_(&problem), options_(std::move(options)) {
  Reset();
}

int SplitEnvironment::observation_size() const {
  return options_.reward == SplitEnvironmentOptions::Reward::kCount
             ? static_cast<int>(problem_->decisions().size()) + 1
             : kFeatures;
}

void SplitEnvironment::Reset() {
  const size_t count = problem_->decisions().size();
  chosen_.assign(count, false);
  blocked_.assign(count, 0);
  time_ = problem_->base_time();
  memory_saved_ = {0};
  conflict_ = false;
  for (size_t d = 0; d < options_.fixed.size(); ++d) {
    if (options_.fixed[d]) Choose(d);
  }
  position_ = -1;
  done_ = false;
  Advance();
}

void SplitEnvironment::Choose(int32_t decision) {
  chosen_[decision] = true;
  for (const int32_t other : problem_->decisions()[decision].conflicts) ++blocked_[other];
  memory_saved_ += problem_->decisions()[decision].memory;
  time_ = problem_->is_additive() ? time_ - problem_->decisions()[decision].gain
                                  : problem_->StepTime(chosen_);
}

// To the next decision that is open: not fixed.
void SplitEnvironment::Advance() {
  const auto is_fixed = [&](int32_t d) { return !options_.fixed.empty() && options_.fixed[d]; };
  const int32_t count = problem_->decisions().size();
  do {
    ++position_;
  } while (position_ < count && is_fixed(position_));
  done_ = position_ >= count;
}

void SplitEnvironment::LegalActions(absl::Span<uint8_t> mask) const {
  mask[0] = done_ ? 0 : 1;
  const bool masks = options_.reward == SplitEnvironmentOptions::Reward::kTime;
  mask[1] = done_ || (masks && IsBlocked(position_)) ? 0 : 1;
}

double SplitEnvironment::Step(int action) {
  const auto split = static_cast<SplitAction>(action);
  return options_.reward == SplitEnvironmentOptions::Reward::kCount ? CountReward(split)
                                                                    : TimeReward(split);
}

double SplitEnvironment::CountReward(SplitAction action) {
  const double members = problem_->decisions()[position_].members;
  if (action == SplitAction::kReplicate) return Advance(), kReplicateReward * members;
  if (IsBlocked(position_)) {
    conflict_ = done_ = true;
    return kConflictReward;
  }
  Choose(position_);
  Advance();
  return kSplitReward * members;
}

double SplitEnvironment::TimeReward(SplitAction action) {
  const Seconds before = time_;
  const double possible = Potential();
  if (action == SplitAction::kSplit) Choose(position_);
  Advance();
  const double saved = (before - time_) / problem_->base_time();
  return kTimeScale * (saved + Potential() - possible) + (done_ ? EndReward() : 0);
}

double SplitEnvironment::Potential() const {
  const auto& decisions = problem_->decisions();
  Seconds possible;
  for (size_t d = position_; d < decisions.size(); ++d) {
    if (!chosen_[d] && !IsBlocked(d)) possible += std::max(Seconds{0}, decisions[d].gain);
  }
  return possible / problem_->base_time();
}

double SplitEnvironment::EndReward() const {
  if (problem_->options().ignore_memory) return 0;
  const SplitCost cost = problem_->Cost(chosen_);
  return cost.fits ? 0 : -5 - 10 * (cost.peak_memory / problem_->memory_limit() - 1);
}

void SplitEnvironment::Observe(absl::Span<float> observation) const {
  std::fill(observation.begin(), observation.end(), 0.0f);
  if (options_.reward == SplitEnvironmentOptions::Reward::kCount)
    return ObserveDecisionVector(observation);
  if (!done_) ObserveFeatures(observation);
}

void SplitEnvironment::ObserveDecisionVector(absl::Span<float> observation) const {
  const int32_t count = problem_->decisions().size();
  for (int32_t d = 0; d < count; ++d) {
    const bool open = d >= position_ && !chosen_[d];
    observation[d] = open ? -1.0f : chosen_[d] ? 1.0f : 0.0f;
  }
  observation[count] = count > 0 ? static_cast<float>(position_) / count : 0;
}

// Gains are shares of the base time. "Rivals" are later decisions that this one would exclude and
// that are still free.
void SplitEnvironment::ObserveFeatures(absl::Span<float> observation) const {
  const auto& decisions = problem_->decisions();
  const SplitDecision& now = decisions[position_];
  const Seconds base = problem_->base_time();
  const Bytes limit = problem_->memory_limit();
  double rivals_gain = 0, best_rival = 0, rivals = 0, left_gain = 0, rivals_memory = 0;
  for (const int32_t other : now.conflicts) {
    if (other <= position_ || IsBlocked(other)) continue;
    const double gain = std::max(0.0, decisions[other].gain / base);
    rivals += 1;
    rivals_gain += gain;
    best_rival = std::max(best_rival, gain);
    rivals_memory += decisions[other].memory / limit;
  }
  for (size_t d = position_ + 1; d < decisions.size(); ++d) {
    if (!IsBlocked(d)) left_gain += std::max(0.0, decisions[d].gain / base);
  }
  const double gain = now.gain / base;
  const float values[kFeatures] = {
      1.0f,
      Spread(gain),
      Spread(now.communication / base),
      Spread(rivals_gain),
      Spread(gain - rivals_gain),
      Spread(best_rival),
      static_cast<float>(std::log1p(rivals) / 8),
      Spread(left_gain),
      static_cast<float>(std::log1p(now.members) / 8),
      static_cast<float>(std::log1p(now.groups.size()) / 8),
      static_cast<float>(std::min(4.0, now.memory / limit)),
      static_cast<float>(std::min(4.0, rivals_memory)),
      static_cast<float>(std::min(4.0, memory_saved_ / limit)),
      static_cast<float>(time_ / base),
      static_cast<float>(position_) / decisions.size(),
      IsBlocked(position_) ? 1.0f : 0.0f,
  };
  std::copy(values, values + kFeatures, observation.begin());
}

std::unique_ptr<Environment> SplitEnvironment::Clone() const {
  return std::make_unique<SplitEnvironment>(*this);
}

}  // namespace automap
