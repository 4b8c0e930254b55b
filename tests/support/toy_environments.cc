#include "tests/support/toy_environments.h"

#include <algorithm>

namespace automap {

void ToyBandit::LegalActions(absl::Span<uint8_t> mask) const {
  std::fill(mask.begin(), mask.end(), done_ ? 0 : 1);
}

double ToyBandit::Step(int action) {
  done_ = true;
  return rewards_[action];
}

std::vector<float> ToyChain::ObservationAt(int place) const {
  std::vector<float> observation(length_, 0.0f);
  observation[place] = 1;
  return observation;
}

void ToyChain::Observe(absl::Span<float> observation) const {
  std::fill(observation.begin(), observation.end(), 0.0f);
  if (!done_) observation[place_] = 1;
}

void ToyChain::LegalActions(absl::Span<uint8_t> mask) const {
  mask[kLeave] = mask[kGoOn] = done_ ? 0 : 1;
  if (grab_reward_ != 0) mask[kGrab] = !done_ && place_ == 0 ? 1 : 0;
}

double ToyChain::Step(int action) {
  done_ = action != kGoOn || place_ + 1 == length_;
  if (action == kLeave) return kLeaveReward;
  if (action == kGrab) return grab_reward_;
  if (done_) return end_reward_;
  ++place_;
  return 0;
}

void ToyCliff::Observe(absl::Span<float> observation) const {
  std::fill(observation.begin(), observation.end(), 0.0f);
  observation[y_ * width_ + x_] = 1;
  observation[width_ * height_] = static_cast<float>(steps_) / max_steps_;
}

void ToyCliff::LegalActions(absl::Span<uint8_t> mask) const {
  mask[kUp] = !done_ && y_ + 1 < height_;
  mask[kDown] = !done_ && y_ > 0;
  mask[kLeft] = !done_ && x_ > 0;
  mask[kRight] = !done_ && x_ + 1 < width_;
}

double ToyCliff::Step(int action) {
  if (action == kUp) ++y_;
  if (action == kDown) --y_;
  if (action == kLeft) --x_;
  if (action == kRight) ++x_;
  ++steps_;
  const bool at_goal = y_ == 0 && x_ == width_ - 1;
  const bool falls = y_ == 0 && x_ > 0 && !at_goal;
  done_ = at_goal || falls || steps_ == max_steps_;
  return falls || (done_ && !at_goal) ? -1 : -0.1;
}

}  // namespace automap
