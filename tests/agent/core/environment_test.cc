#include "agent/core/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/contracts/environment_contract.h"
#include "tests/support/toy_environments.h"

namespace automap {
namespace {

using ::testing::HasSubstr;

// The contract on a T made from `arguments`, as text.
template <typename T, typename... Arguments>
std::string Check(Arguments... arguments) {
  const auto make = [=] { return std::make_unique<T>(arguments...); };
  return std::string(CheckEnvironmentContract(make, /*seed=*/7, 5, 200).message());
}

TEST(Environment, ToysKeepTheContract) {
  EXPECT_EQ(Check<ToyBandit>(std::vector<double>{1, 2, 3}), "");
  EXPECT_EQ(Check<ToyChain>(6), "");
  EXPECT_EQ(Check<ToyChain>(6, 2.0, 0.1), "");
  EXPECT_EQ(Check<ToyCliff>(5, 3, 60), "");
}

// A chain of three places that breaks one promise of the contract.
enum class Promise {
  kResetRestarts,
  kSameActionsSameRewards,
  kOneActionIsLegal,
  kNothingIsLegalAfterTheEnd,
  kRewardsAreFinite,
  kObservationIsWritten,
  kMaskIsZeroOrOne,
  kEpisodeEnds,
  kCloneIsDeep,
  kCloneContinues,
};

class BrokenChain final : public Environment {
 public:
  explicit BrokenChain(Promise broken) : broken_(broken), place_(std::make_shared<int>(0)) {}
  BrokenChain(const BrokenChain& other)
      : broken_(other.broken_),
        place_(broken_ == Promise::kCloneIsDeep ? other.place_
                                                : std::make_shared<int>(*other.place_)) {
    if (broken_ == Promise::kCloneContinues) *place_ = 0;
  }

  int observation_size() const override { return 2; }
  int num_actions() const override { return 2; }
  void Reset() override { *place_ = broken_ == Promise::kResetRestarts ? 1 : 0; }
  bool done() const override { return *place_ == 3; }
  void Observe(absl::Span<float> observation) const override {
    observation[0] = static_cast<float>(*place_);
    if (broken_ != Promise::kObservationIsWritten) observation[1] = 1;
  }
  void LegalActions(absl::Span<uint8_t> mask) const override {
    mask[0] = mask[1] = done() && broken_ != Promise::kNothingIsLegalAfterTheEnd ? 0 : 1;
    if (broken_ == Promise::kMaskIsZeroOrOne) mask[1] = 2;
    if (broken_ == Promise::kOneActionIsLegal && *place_ == 1) mask[0] = mask[1] = 0;
  }
  double Step(int action) override {
    if (broken_ != Promise::kEpisodeEnds || *place_ < 2) ++*place_;
    if (broken_ == Promise::kRewardsAreFinite) return std::numeric_limits<double>::infinity();
    static int64_t steps = 0;
    return broken_ == Promise::kSameActionsSameRewards ? ++steps : action;
  }
  std::unique_ptr<Environment> Clone() const override {
    return std::make_unique<BrokenChain>(*this);
  }

 private:
  const Promise broken_;
  std::shared_ptr<int> place_;
};

TEST(EnvironmentContract, NoticesEveryBrokenPromise) {
  const struct {
    Promise broken;
    const char* message;
  } rows[] = {
      {Promise::kResetRestarts, "Reset() must lead to the constructor's state"},
      {Promise::kSameActionsSameRewards, "the same actions on a clone must give the same"},
      {Promise::kOneActionIsLegal, "at least one action must be legal"},
      {Promise::kNothingIsLegalAfterTheEnd, "after done() no action may be legal"},
      {Promise::kRewardsAreFinite, "a legal action must not fail"},
      {Promise::kObservationIsWritten, "Observe() must write finite numbers"},
      {Promise::kMaskIsZeroOrOne, "LegalActions() must write 0 or 1"},
      {Promise::kEpisodeEnds, "the episode must end by now"},
      {Promise::kCloneIsDeep, "share nothing mutable"},
      {Promise::kCloneContinues, "Clone() must continue from the present state"},
  };
  for (const auto& row : rows) EXPECT_THAT(Check<BrokenChain>(row.broken), HasSubstr(row.message));
}

}  // namespace
}  // namespace automap
