#include "server/pool/run_slots.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

// Two slots and two that may pause; time goes by as told.
class RunSlotsTest : public testing::Test {
 protected:
  RunSlots slots_{2, 2};
  absl::Time now_ = absl::UnixEpoch();

  // Starts a job of the caller's, as the pool would; 0 when there is no leave for it.
  int64_t Start(const std::string& caller, int priority = 0) {
    const RunSlots::Leave leave = slots_.Ask(now_);
    if (!leave.is_given) return 0;
    for (const std::string& other : leave.filter.not_of) {
      if (other != caller) continue;
      slots_.Decline(leave);
      return 0;
    }
    if (priority < leave.filter.min_priority) {
      slots_.Decline(leave);
      return 0;
    }
    v1::PlanJob job;
    job.set_caller(caller);
    job.mutable_options()->set_priority(priority);
    return slots_.Start(leave, job, now_);
  }
};

TEST_F(RunSlotsTest, OneCallerHasTheSlotsAndNoMore) {
  EXPECT_NE(Start("a"), 0);
  const int64_t second = Start("a");
  EXPECT_EQ(Start("a"), 0);
  EXPECT_EQ(slots_.computing(), 2);
  slots_.End(second, now_);
  EXPECT_NE(Start("a"), 0);
  EXPECT_EQ(slots_.paused(), 0);
}

TEST_F(RunSlotsTest, ACallerWithoutASlotGetsOneOfACallersTwoAtOnce) {
  const int64_t first = Start("a"), second = Start("a"), newcomer = Start("b");
  ASSERT_NE(newcomer, 0);
  EXPECT_TRUE(slots_.IsPaused(first)) << "the one that computed longest";
  EXPECT_FALSE(slots_.IsPaused(second) || slots_.IsPaused(newcomer));
  EXPECT_EQ(Start("b"), 0) << "no second one beside it";
  now_ += absl::Milliseconds(50);
  slots_.End(newcomer, now_);
  EXPECT_FALSE(slots_.IsPaused(first));
  EXPECT_EQ(slots_.PausedTime(first, now_), absl::Milliseconds(50));
}

TEST_F(RunSlotsTest, NobodyLosesTheOnlySlotBeforeItsTurnIsOver) {
  const int64_t first = Start("a");
  Start("b");
  EXPECT_EQ(Start("c"), 0);
  EXPECT_EQ(slots_.Ask(now_).again, now_ + RunSlots::kTurn);
  now_ += RunSlots::kTurn;
  EXPECT_NE(Start("c"), 0);
  EXPECT_TRUE(slots_.IsPaused(first));
}

TEST_F(RunSlotsTest, ThePausedTakeTurns) {
  const int64_t first = Start("a"), second = Start("a");
  Start("b");
  ASSERT_TRUE(slots_.IsPaused(first));
  slots_.Turn(now_);
  EXPECT_TRUE(slots_.IsPaused(first)) << "too soon";
  now_ += RunSlots::kTurn;
  slots_.Turn(now_);
  EXPECT_FALSE(slots_.IsPaused(first));
  EXPECT_TRUE(slots_.IsPaused(second)) << "b has but one";
  EXPECT_EQ(slots_.computing(), 2);
}

TEST_F(RunSlotsTest, MoreCallersThanSlotsShareThemByTurns) {
  const int64_t jobs[] = {Start("a"), Start("b"), (now_ += RunSlots::kTurn, Start("c"))};
  absl::Duration computed[3];
  for (int turn = 0; turn < 300; ++turn) {
    now_ += RunSlots::kTurn;
    slots_.Turn(now_);
    ASSERT_EQ(slots_.computing(), 2);
    for (int i = 0; i < 3; ++i)
      computed[i] += slots_.IsPaused(jobs[i]) ? absl::ZeroDuration() : RunSlots::kTurn;
  }
  for (const absl::Duration time : computed) EXPECT_NEAR(time / RunSlots::kTurn, 200, 3);
}

TEST_F(RunSlotsTest, AHigherPriorityNeverMakesRoom) {
  Start("a", 1);
  Start("a", 1);
  EXPECT_EQ(Start("b", 0), 0);
  EXPECT_NE(Start("b", 1), 0);
  now_ += RunSlots::kTurn;
  EXPECT_NE(Start("c", 2), 0);
  EXPECT_EQ(slots_.computing(), 2);
}

TEST_F(RunSlotsTest, NoMorePauseThanMay) {
  RunSlots one(1, 0);
  v1::PlanJob job;
  job.set_caller("a");
  one.Start(one.Ask(now_), job, now_);
  EXPECT_FALSE(one.Ask(now_ + absl::Hours(1)).is_given);
  for (const char* caller : {"a", "a", "b", "c"}) {
    EXPECT_NE(Start(caller), 0) << caller;
    now_ += RunSlots::kTurn;
  }
  EXPECT_EQ(Start("d"), 0);
}

TEST_F(RunSlotsTest, WhoInsistsComputesBesideTheOthers) {
  const int64_t first = Start("a"), second = Start("a");
  Start("b");
  slots_.Insist(first, now_);
  EXPECT_FALSE(slots_.IsPaused(first));
  EXPECT_EQ(slots_.computing(), 3);
  slots_.End(second, now_);
  EXPECT_EQ(Start("b"), 0) << "the slots are taken";
}

// A claim that is still on its way counts.
TEST_F(RunSlotsTest, LeavesAreCounted) {
  const RunSlots::Leave first = slots_.Ask(now_), second = slots_.Ask(now_);
  EXPECT_TRUE(first.is_given && second.is_given);
  EXPECT_FALSE(slots_.Ask(now_).is_given);
  slots_.Decline(first);
  EXPECT_TRUE(slots_.Ask(now_).is_given);
}

}  // namespace
}  // namespace automap
