#include "server/api/shared_events.h"

#include "gtest/gtest.h"
#include "server/api/resume_token.h"

namespace automap {
namespace {

constexpr char kJob[] = "planJobs/one";

class SharedEventsTest : public testing::Test {
 protected:
  // As many watchers as there are ask for the event after `after`; the sequence, 0 when there is
  // none.
  int64_t Ask(int64_t after, int watchers = 10) {
    int64_t sequence = -1;
    for (int i = 0; i < watchers; ++i) {
      const auto event = events_.After(kJob, after);
      EXPECT_TRUE(event.ok()) << event.status();
      const int64_t got = *event == nullptr ? 0 : (*event)->sequence();
      EXPECT_TRUE(sequence < 0 || got == sequence);
      sequence = got;
    }
    return sequence;
  }
  void Add(int64_t sequence, size_t bytes = 10) {
    v1::PlanEvent& event = stored_[sequence];
    event.set_sequence(sequence);
    event.mutable_improved_plan()->set_strategy(std::string(bytes, 'x'));
  }

  std::map<int64_t, v1::PlanEvent> stored_;
  int reads_ = 0;
  JobFeed feed_;
  SharedEvents events_{[this](const std::string&, int64_t after, int limit) {
                         ++reads_;
                         std::vector<v1::PlanEvent> found;
                         for (auto item = stored_.upper_bound(after);
                              item != stored_.end() && static_cast<int>(found.size()) < limit;
                              ++item)
                           found.push_back(item->second);
                         return found;
                       },
                       feed_};
};

TEST_F(SharedEventsTest, ManyReadAnEventOnce) {
  feed_.Subscribe(kJob, [](FeedNews) {});
  Add(1);
  EXPECT_EQ(Ask(0), 1);
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ((*events_.After(kJob, 0))->resume_token(), ResumeToken(kJob, 1));
}

TEST_F(SharedEventsTest, ThatThereIsNothingMoreIsBelievedUntilThereIsNews) {
  feed_.Subscribe(kJob, [](FeedNews) {});
  EXPECT_EQ(Ask(0), 0);
  EXPECT_EQ(reads_, 1);
  Add(1);
  EXPECT_EQ(Ask(0), 0) << "nobody has told";
  feed_.Notify(kJob);
  EXPECT_EQ(Ask(0), 1);
  EXPECT_EQ(Ask(1), 0);
  Add(2);
  feed_.Subscribe(kJob, [](FeedNews) {});
  EXPECT_EQ(Ask(1), 2) << "who subscribes later may know more";
  Add(3);
  EXPECT_EQ(Ask(2), 3);
  Add(4);
  feed_.Notify("");
  EXPECT_EQ(Ask(3), 4) << "news of all jobs";
}

TEST_F(SharedEventsTest, OfJobsThatNobodySubscribedToNothingIsBelieved) {
  EXPECT_EQ(Ask(0), 0);
  EXPECT_EQ(reads_, 10);
}

TEST_F(SharedEventsTest, WhatIsLargeIsNotKeptAndTheRestIsBounded) {
  feed_.Subscribe(kJob, [](FeedNews) {});
  Add(1, 5 << 20);
  EXPECT_EQ(Ask(0, 3), 1);
  EXPECT_EQ(reads_, 3);
  for (int64_t sequence = 2; sequence <= 30; ++sequence) Add(sequence, 200 << 10);
  reads_ = 0;
  for (int64_t sequence = 2; sequence <= 30; ++sequence) EXPECT_EQ(Ask(sequence - 1), sequence);
  EXPECT_EQ(reads_, 29);
  EXPECT_EQ(Ask(1), 2);
  EXPECT_EQ(reads_, 30) << "the first was forgotten for later ones";
}

}  // namespace
}  // namespace automap
