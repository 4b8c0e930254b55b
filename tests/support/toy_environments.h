// Small environments whose optimal values are known in closed form.
#pragma once

#include <memory>
#include <vector>

#include "agent/core/environment.h"

namespace automap {

// One step, one reward per arm. Q(arm) = reward of the arm.
class ToyBandit final : public Environment {
 public:
  explicit ToyBandit(std::vector<double> rewards) : rewards_(std::move(rewards)) {}

  int observation_size() const override { return 1; }
  int num_actions() const override { return static_cast<int>(rewards_.size()); }
  void Reset() override { done_ = false; }
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override { observation[0] = 1; }
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override { return std::make_unique<ToyBandit>(*this); }

 private:
  std::vector<double> rewards_;
  bool done_ = false;
};

// Places 0 .. length - 1 in a row, observed one-hot. kLeave ends the episode with 0.05, kGoOn moves
// on for nothing and ends with 1 at the last place. With discount g: Q(place, kGoOn) =
// g^(length-1-place), Q(place, kLeave) = 0.05; the best return is 1.
//
// kGrab, if `grab_reward` is not 0, ends the episode with it, and is legal at place 0 only: a
// network that has seen it there takes it for a bargain everywhere.
class ToyChain final : public Environment {
 public:
  enum Action { kLeave, kGoOn, kGrab };
  static constexpr double kLeaveReward = 0.05;

  explicit ToyChain(int length, double grab_reward = 0, double end_reward = 1)
      : length_(length), grab_reward_(grab_reward), end_reward_(end_reward) {}

  int observation_size() const override { return length_; }
  int num_actions() const override { return grab_reward_ != 0 ? 3 : 2; }
  void Reset() override { place_ = 0, done_ = false; }
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override { return std::make_unique<ToyChain>(*this); }

  std::vector<float> ObservationAt(int place) const;

 private:
  int length_;
  double grab_reward_, end_reward_;
  int place_ = 0;
  bool done_ = false;
};

// Cliff walking (Sutton and Barto, example 6.6), rewards a tenth of theirs, and the cliff ends the
// episode: from the lower left corner to the lower right one, with the cliff between them. Each
// step costs 0.1, the cliff and time running out cost 1. Actions that would leave the grid are
// illegal. Observed one-hot, and the share of time that has passed.
//
// The shortest way takes width + 1 steps along the edge: the best return is -0.1 x (width + 1).
class ToyCliff final : public Environment {
 public:
  enum Action { kUp, kDown, kLeft, kRight };

  ToyCliff(int width, int height, int max_steps)
      : width_(width), height_(height), max_steps_(max_steps) {}

  int observation_size() const override { return width_ * height_ + 1; }
  int num_actions() const override { return 4; }
  void Reset() override { x_ = y_ = steps_ = 0, done_ = false; }
  bool done() const override { return done_; }
  void Observe(absl::Span<float> observation) const override;
  void LegalActions(absl::Span<uint8_t> mask) const override;
  double Step(int action) override;
  std::unique_ptr<Environment> Clone() const override { return std::make_unique<ToyCliff>(*this); }

 private:
  int width_, height_, max_steps_;
  int x_ = 0, y_ = 0, steps_ = 0;  // y = 0 is the cliff's row
  bool done_ = false;
};

}  // namespace automap
