#include "tests/contracts/environment_contract.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/core/random.h"
#include "base/status_macros.h"

namespace automap {
namespace {

// All that can be seen of an environment between two steps.
struct Sight {
  std::vector<float> observation;
  std::vector<uint8_t> mask;
  bool done = false;
  bool operator==(const Sight&) const = default;
};

// Observation and mask are filled with nonsense first, so that what is not written is noticed.
Sight Look(const Environment& environment) {
  Sight sight;
  sight.observation.assign(environment.observation_size(), std::numeric_limits<float>::quiet_NaN());
  sight.mask.assign(environment.num_actions(), 77);
  sight.done = environment.done();
  environment.Observe(absl::MakeSpan(sight.observation));
  environment.LegalActions(absl::MakeSpan(sight.mask));
  return sight;
}

struct Step {
  int action = 0;
  double reward = 0;
  Sight after;
};

class Contract {
 public:
  Contract(const std::function<std::unique_ptr<Environment>()>& make, uint64_t seed,
           int64_t max_steps)
      : first_(make()), second_(make()), random_(seed), max_steps_(max_steps) {}

  absl::Status CheckEpisode(int64_t episode) {
    episode_ = episode;
    steps_.clear();
    if (episode > 0) first_->Reset();
    RETURN_IF_ERROR(CheckStart());
    RETURN_IF_ERROR(PlayRandomly());
    return Repeat(*second_, 0, "the same actions on another environment");
  }

 private:
  absl::Status Broken(absl::string_view promise) const {
    return absl::InternalError(
        absl::StrCat("episode ", episode_, ", step ", steps_.size(), ": ", promise));
  }

  absl::Status CheckStart() {
    if (first_->observation_size() < 1 || first_->num_actions() < 1) {
      return Broken("observation_size() and num_actions() must be >= 1");
    }
    if (episode_ == 0) start_ = Look(*first_);
    RETURN_IF_ERROR(CheckSight(start_));
    second_->Reset();
    for (const auto* environment : {first_.get(), second_.get()}) {
      if (!(Look(*environment) == start_)) {
        return Broken("Reset() must lead to the constructor's state");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckSight(const Sight& sight) const {
    const bool finite = std::all_of(sight.observation.begin(), sight.observation.end(),
                                    [](float value) { return std::isfinite(value); });
    if (!finite) return Broken("Observe() must write finite numbers everywhere");
    const auto legal = std::count(sight.mask.begin(), sight.mask.end(), 1);
    const auto illegal = std::count(sight.mask.begin(), sight.mask.end(), 0);
    if (legal + illegal != static_cast<int64_t>(sight.mask.size())) {
      return Broken("LegalActions() must write 0 or 1 everywhere");
    }
    if (sight.done && legal > 0) return Broken("after done() no action may be legal");
    if (!sight.done && legal == 0) return Broken("until done() at least one action must be legal");
    return absl::OkStatus();
  }

  // To the end of the episode. On the way: every legal action on a clone; and one clone for later.
  absl::Status PlayRandomly() {
    std::unique_ptr<Environment> clone;
    int64_t cloned_at = 0;
    while (!first_->done()) {
      if (static_cast<int64_t>(steps_.size()) == max_steps_) {
        return Broken("the episode must end by now");
      }
      if (clone == nullptr || random_.Below(4 + steps_.size()) == 0) {
        clone = first_->Clone();
        cloned_at = steps_.size();
      }
      RETURN_IF_ERROR(TryAllActions());
      RETURN_IF_ERROR(TakeRandomAction());
    }
    if (clone == nullptr) return absl::OkStatus();
    return Repeat(*clone, cloned_at, "the same actions on a clone");
  }

  absl::Status TryAllActions() const {
    const Sight before = Look(*first_);
    for (int action = 0; action < first_->num_actions(); ++action) {
      if (before.mask[action] == 0) continue;
      const std::unique_ptr<Environment> clone = first_->Clone();
      if (!(Look(*clone) == before)) return Broken("Clone() must continue from the present state");
      if (!std::isfinite(clone->Step(action))) return Broken("a legal action must not fail");
      RETURN_IF_ERROR(CheckSight(Look(*clone)));
      if (!(Look(*first_) == before)) return Broken("a clone must share nothing mutable");
    }
    return absl::OkStatus();
  }

  absl::Status TakeRandomAction() {
    std::vector<int> legal;
    const Sight before = Look(*first_);
    for (size_t action = 0; action < before.mask.size(); ++action) {
      if (before.mask[action] == 1) legal.push_back(action);
    }
    Step step;
    step.action = legal[random_.Below(legal.size())];
    step.reward = first_->Step(step.action);
    step.after = Look(*first_);
    steps_.push_back(step);
    if (!std::isfinite(step.reward)) return Broken("a reward must be finite");
    return CheckSight(step.after);
  }

  // The recorded steps from `begin` on, once more.
  absl::Status Repeat(Environment& environment, int64_t begin, absl::string_view what) const {
    for (size_t s = begin; s < steps_.size(); ++s) {
      const Step& step = steps_[s];
      if (environment.Step(step.action) != step.reward || !(Look(environment) == step.after)) {
        return Broken(absl::StrCat(what, " must give the same, but differ at step ", s + 1));
      }
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<Environment> first_, second_;
  Random random_;
  const int64_t max_steps_;
  int64_t episode_ = 0;
  Sight start_;
  std::vector<Step> steps_;
};

}  // namespace

absl::Status CheckEnvironmentContract(const std::function<std::unique_ptr<Environment>()>& make,
                                      uint64_t seed, int episodes, int64_t max_steps) {
  Contract contract(make, seed, max_steps);
  for (int episode = 0; episode < episodes; ++episode) {
    RETURN_IF_ERROR(contract.CheckEpisode(episode));
  }
  return absl::OkStatus();
}

}  // namespace automap
