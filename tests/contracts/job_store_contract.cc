#include "tests/contracts/job_store_contract.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/jobs/job_row.h"
#include "server/jobs/job_state.h"

namespace automap {
namespace {

constexpr absl::Duration kLease = absl::Hours(1);

v1::Plan Plan(double time) {
  v1::Plan plan;
  plan.mutable_cost()->set_step_time_s(time);
  return plan;
}

}  // namespace

void JobStoreContract::SetUp() {
  folder_ = std::filesystem::temp_directory_path() /
            absl::StrCat("automap-store-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
  std::filesystem::create_directories(folder_);
  auto store = GetParam().open(folder_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
}

void JobStoreContract::TearDown() {
  store_.reset();
  std::filesystem::remove_all(folder_);
}

void JobStoreContract::Reopen() {
  store_.reset();
  auto store = GetParam().open(folder_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
}

v1::PlanJob JobStoreContract::NewJob(const std::string& id, const std::string& caller,
                                     int priority) {
  v1::PlanJob job;
  job.set_name("planJobs/" + id);
  job.set_caller(caller);
  job.set_state(v1::PlanJob::PENDING);
  job.set_plan_key("key of " + id);
  job.mutable_spec()->set_inline_hlo("module of " + id);
  job.mutable_options()->set_priority(priority);
  *job.mutable_create_time() = ToTimestamp(absl::Now());
  return job;
}

v1::PlanJob JobStoreContract::Create(const v1::PlanJob& job, const std::string& request_id,
                                     const std::string& digest) {
  auto created =
      store_->Create({.job = job, .request_id = request_id, .request_digest = digest}, {});
  EXPECT_TRUE(created.ok()) << created.status();
  return created.ok() ? *created : v1::PlanJob();
}

std::string JobStoreContract::ClaimedName() {
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  EXPECT_TRUE(claim.ok()) << claim.status();
  return claim.ok() && claim->has_value() ? (*claim)->job.name().substr(9) : "none";
}

absl::StatusOr<v1::PlanJob> JobStoreContract::Move(const Claim& claim, v1::PlanJob::State state,
                                                   const v1::Plan* plan, bool caches) {
  JobUpdate update = {
      .job = claim.job, .fence = claim.fence, .final_plan = plan, .cache_plan = caches};
  update.job.clear_etag();
  update.job.set_state(state);
  return store_->Update(update);
}

TEST_P(JobStoreContract, AJobIsThereWithoutItsModuleAndClaimedWithIt) {
  Create(NewJob("a"));
  EXPECT_FALSE(store_->Get("planJobs/a")->spec().has_inline_hlo());
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  ASSERT_TRUE(claim.ok() && claim->has_value());
  EXPECT_EQ((*claim)->job.spec().inline_hlo(), "module of a");
  EXPECT_EQ((*claim)->job.attempts(), 1);
  EXPECT_EQ(store_->Get("planJobs/b").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(JobStoreContract, ARequestIdMakesOneJobPerCaller) {
  const v1::PlanJob first = Create(NewJob("a"), "id", "digest");
  EXPECT_EQ(Create(NewJob("b"), "id", "digest").name(), first.name());
  EXPECT_EQ(Create(NewJob("c", "another"), "id", "digest").name(), "planJobs/c");
  const auto other =
      store_->Create({.job = NewJob("d"), .request_id = "id", .request_digest = "other"}, {});
  EXPECT_EQ(other.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->Get("planJobs/d").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(JobStoreContract, TheQueueIsBoundedInAllAndPerCaller) {
  Create(NewJob("a"));
  const auto create = [&](const char* id, const char* caller, QueueLimits limits) {
    automap::NewJob job;
    job.job = NewJob(id, caller);
    return store_->Create(job, limits).status().code();
  };
  EXPECT_EQ(create("b", "c", {.per_caller = 1}), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(create("c", "d", {.per_caller = 1}), absl::StatusCode::kOk);
  EXPECT_EQ(create("d", "e", {.total = 2}), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store_->CountJobs()->jobs.at(v1::PlanJob::PENDING), 2);
}

// Jobs that are claimed, given back, cancelled or refused, and a store that was closed.
TEST_P(JobStoreContract, TheQueueCountsThoseThatWaitNow) {
  const auto room_for = [&](const std::string& id, int64_t jobs) {
    automap::NewJob job;
    job.job = NewJob(id);
    return store_->Create(job, {.per_caller = jobs}).ok();
  };
  for (const char* id : {"a", "b", "c"}) Create(NewJob(id));
  EXPECT_FALSE(room_for("d", 3));
  const Claim claim = **store_->ClaimNext(absl::Now(), absl::Minutes(1));
  EXPECT_TRUE(room_for("e", 3)) << "one runs";
  EXPECT_FALSE(room_for("f", 3));
  ASSERT_TRUE(Move(claim, v1::PlanJob::PENDING).ok());
  EXPECT_FALSE(room_for("g", 4)) << "it waits again";
  v1::PlanJob cancelled = *store_->Get(NewJob("b").name());
  cancelled.set_state(v1::PlanJob::CANCELLED);
  ASSERT_TRUE(store_->Update({.job = cancelled}).ok());
  EXPECT_FALSE(room_for("h", 3));
  EXPECT_TRUE(room_for("i", 4));
  ASSERT_TRUE(store_->Delete(cancelled.name(), "").ok());
  Reopen();
  EXPECT_FALSE(room_for("j", 4));
  EXPECT_TRUE(room_for("k", 5));
}

TEST_P(JobStoreContract, ClaimsGoByPriorityThenCallersInTurnThenAge) {
  for (const char* id : {"a1", "a2", "a3"}) Create(NewJob(id, "a"));
  for (const char* id : {"b1", "b2"}) Create(NewJob(id, "b"));
  Create(NewJob("urgent", "a", 5));
  std::vector<std::string> order;
  for (int i = 0; i < 7; ++i) order.push_back(ClaimedName());
  EXPECT_EQ(order, (std::vector<std::string>{"urgent", "a1", "b1", "a2", "b2", "a3", "none"}));
}

TEST_P(JobStoreContract, AClaimPassesOverTheCallersAndPrioritiesItIsToldTo) {
  for (const char* id : {"a1", "a2"}) Create(NewJob(id, "a", 2));
  Create(NewJob("b1", "b", 1));
  Create(NewJob("c1", "c"));
  const auto claimed = [&](const ClaimFilter& filter) {
    const auto claim = store_->ClaimNext(absl::Now(), kLease, filter);
    EXPECT_TRUE(claim.ok()) << claim.status();
    return claim.ok() && claim->has_value() ? (*claim)->job.name().substr(9) : "none";
  };
  EXPECT_EQ(claimed({.not_of = {"c", "a", "b"}}), "none");
  EXPECT_EQ(claimed({.not_of = {"b", "", "a"}, .min_priority = 1}), "none");
  EXPECT_EQ(claimed({.not_of = {"x", "a"}}), "b1");
  EXPECT_EQ(claimed({.not_of = {"a"}}), "c1");
  EXPECT_EQ(claimed({.not_of = {"a", "z"}}), "none");
  EXPECT_EQ(claimed({.min_priority = 3}), "none");
  EXPECT_EQ(claimed({.min_priority = 2}), "a1");
}

TEST_P(JobStoreContract, EveryPendingJobIsClaimedOnce) {
  for (int i = 0; i < 40; ++i) Create(NewJob(absl::StrCat("job", i)));
  std::vector<std::vector<std::string>> claimed(4);
  std::vector<std::thread> threads;
  for (auto& mine : claimed) {
    threads.emplace_back([this, &mine] {
      while (true) {
        const auto claim = store_->ClaimNext(absl::Now(), kLease);
        if (!claim.ok() || !claim->has_value()) return;
        mine.push_back((*claim)->job.name());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  size_t count = 0;
  for (const auto& mine : claimed) {
    count += mine.size();
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(count, 40u);
  EXPECT_EQ(all.size(), 40u);
}

TEST_P(JobStoreContract, AJobWaitsForTheRunningOneThatFindsItsPlan) {
  v1::PlanJob twin = NewJob("twin"), alone = NewJob("alone");
  twin.set_plan_key("key of a");
  alone.set_plan_key("key of a");
  alone.mutable_options()->set_cache_policy(v1::CACHE_POLICY_NO_STORE);
  Create(NewJob("a"));
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  Create(twin);
  Create(alone);
  EXPECT_EQ(ClaimedName(), "alone");
  EXPECT_EQ(ClaimedName(), "none");
  const v1::Plan plan = Plan(3);
  ASSERT_TRUE(Move(**claim, v1::PlanJob::SUCCEEDED, &plan, true).ok());
  EXPECT_EQ(ClaimedName(), "twin");
  const auto cached = store_->FindPlan("key of a");
  ASSERT_TRUE(cached.ok() && cached->has_value());
  EXPECT_EQ((*cached)->cost().step_time_s(), 3);
  EXPECT_FALSE(store_->FindPlan("another")->has_value());
}

TEST_P(JobStoreContract, AJobWithACachedPlanEndsAtOnce) {
  const v1::Plan plan = Plan(2);
  automap::NewJob cached;
  cached.job = NewJob("a");
  cached.cached_plan = &plan;
  const auto job = store_->Create(cached, {.total = 0});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), v1::PlanJob::SUCCEEDED);
  EXPECT_TRUE(job->from_cache() && job->has_plan());
  const auto events = store_->EventsAfter("planJobs/a", 0, 10);
  ASSERT_EQ(events->size(), 3u);
  EXPECT_EQ((*events)[0].state_change().state(), v1::PlanJob::PENDING);
  EXPECT_EQ((*events)[2].final_plan().cost().step_time_s(), 2);
}

TEST_P(JobStoreContract, StatesMoveAlongTheArrowsOnly) {
  for (int from = v1::PlanJob::State_MIN + 1; from <= v1::PlanJob::State_MAX; ++from) {
    for (int to = v1::PlanJob::State_MIN + 1; to <= v1::PlanJob::State_MAX; ++to) {
      v1::PlanJob job = NewJob(absl::StrCat(from, "to", to));
      job.set_state(static_cast<v1::PlanJob::State>(from));
      Create(job);
      job.set_state(static_cast<v1::PlanJob::State>(to));
      const auto moved = store_->Update({.job = job});
      const bool may = MayMove(static_cast<v1::PlanJob::State>(from), job.state());
      EXPECT_EQ(moved.ok(), may) << from << " to " << to;
      EXPECT_EQ(store_->Get(job.name())->state(), may ? to : from);
    }
  }
}

TEST_P(JobStoreContract, EventsAreNumberedWithoutGapsAndTheEtagIsTheLastState) {
  Create(NewJob("a"));
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  ASSERT_TRUE(store_->AddImprovedPlan("planJobs/a", (*claim)->fence, Plan(2), absl::Now()).ok());
  const v1::Plan plan = Plan(1);
  ASSERT_TRUE(Move(**claim, v1::PlanJob::SUCCEEDED, &plan).ok());
  const auto events = store_->EventsAfter("planJobs/a", 0, 100);
  ASSERT_EQ(events->size(), 5u);
  for (size_t i = 0; i < events->size(); ++i)
    EXPECT_EQ((*events)[i].sequence(), static_cast<int64_t>(i) + 1);
  EXPECT_TRUE((*events)[2].has_improved_plan() && (*events)[4].has_final_plan());
  EXPECT_EQ(store_->Get("planJobs/a")->etag(), "4");
  EXPECT_EQ(store_->EventsAfter("planJobs/a", 3, 1)->at(0).sequence(), 4);
  EXPECT_TRUE(store_->EventsAfter("planJobs/a", 5, 1)->empty());
  EXPECT_EQ(store_->EventsAfter("planJobs/a", 6, 1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(JobStoreContract, AnOldFenceOrEtagWritesNothing) {
  Create(NewJob("a"));
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  Claim stale = **claim;
  --stale.fence;
  EXPECT_EQ(Move({stale.job, stale.fence + 7}, v1::PlanJob::FAILED).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->AddImprovedPlan("planJobs/a", stale.fence, Plan(2), absl::Now()).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Renew("planJobs/a", stale.fence, kLease).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_->Renew("planJobs/a", (*claim)->fence, kLease).ok());
  JobUpdate update = {.job = (*claim)->job};
  update.job.set_etag("1");
  update.job.set_state(v1::PlanJob::FAILED);
  EXPECT_EQ(store_->Update(update).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(store_->Get("planJobs/a")->state(), v1::PlanJob::RUNNING);
}

TEST_P(JobStoreContract, ListsNewestFirstByStateLabelAndCaller) {
  for (int i = 0; i < 5; ++i) {
    v1::PlanJob job = NewJob(absl::StrCat(i), i % 2 == 0 ? "even" : "odd");
    (*job.mutable_options()->mutable_labels())["team"] = i < 3 ? "x" : "y";
    Create(job);
  }
  EXPECT_EQ(ClaimedName(), "0");
  const auto names = [&](const JobFilter& filter, int page_size) {
    std::string all, token;
    do {
      const auto page = store_->List(filter, page_size, token);
      EXPECT_TRUE(page.ok()) << page.status();
      for (const v1::PlanJob& job : page->jobs) all += job.name().substr(9);
      token = page->next_page_token;
    } while (!token.empty());
    return all;
  };
  EXPECT_EQ(names({}, 2), "43210");
  EXPECT_EQ(names({"even", {}, {}}, 1), "420");
  EXPECT_EQ(names({"", {v1::PlanJob::PENDING}, {}}, 3), "4321");
  EXPECT_EQ(names({"", {}, {{"team", "x"}}}, 2), "210");
  EXPECT_EQ(names({"odd", {}, {{"team", "x"}}}, 2), "1");
  EXPECT_FALSE(store_->List({}, 2, "nonsense").ok());
}

TEST_P(JobStoreContract, OnlyEndedJobsAreDeletedAndWithEverything) {
  Create(NewJob("a"), "id", "digest");
  EXPECT_EQ(store_->Delete("planJobs/a", "").code(), absl::StatusCode::kFailedPrecondition);
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  ASSERT_TRUE(Move(**claim, v1::PlanJob::FAILED).ok());
  EXPECT_EQ(store_->Delete("planJobs/a", "1").code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(store_->Delete("planJobs/a", "3").ok());
  EXPECT_EQ(store_->EventsAfter("planJobs/a", 0, 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Create(NewJob("b"), "id", "other").name(), "planJobs/b") << "the id is free again";
}

TEST_P(JobStoreContract, AModuleIsInUseUntilItsJobEnds) {
  v1::PlanJob job = NewJob("a");
  job.mutable_spec()->set_module_name("modules/m");
  Create(job);
  EXPECT_EQ(store_->FindUserOf("modules/m")->value_or(""), "planJobs/a");
  const auto claim = store_->ClaimNext(absl::Now(), kLease);
  ASSERT_TRUE(Move(**claim, v1::PlanJob::FAILED).ok());
  EXPECT_FALSE(store_->FindUserOf("modules/m")->has_value());
}

TEST_P(JobStoreContract, SweepExpiresLateJobsAndRemovesOldOnes) {
  v1::PlanJob late = NewJob("late");
  late.mutable_options()->mutable_queue_ttl()->set_seconds(60);
  Create(late);
  Create(NewJob("patient"));
  const absl::Time now = absl::Now();
  EXPECT_TRUE(store_->Sweep({.now = now})->empty());
  const auto changed = store_->Sweep({.now = now + absl::Minutes(2)});
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ(changed->at(0).state(), v1::PlanJob::EXPIRED);
  EXPECT_EQ(ClaimedName(), "patient");
  ASSERT_TRUE(store_->Sweep({.now = now, .ended_before = now + absl::Minutes(3)}).ok());
  EXPECT_EQ(store_->Get("planJobs/late").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->Get("planJobs/patient").ok());
}

TEST_P(JobStoreContract, SweepKeepsTheNewestPlans) {
  for (const char* id : {"a", "b", "c"}) {
    Create(NewJob(id));
    const auto claim = store_->ClaimNext(absl::Now(), kLease);
    const v1::Plan plan = Plan(1);
    ASSERT_TRUE(Move(**claim, v1::PlanJob::SUCCEEDED, &plan, true).ok());
  }
  ASSERT_TRUE(store_->Sweep({.now = absl::Now(), .max_plans = 2}).ok());
  EXPECT_FALSE(store_->FindPlan("key of a")->has_value());
  EXPECT_TRUE(store_->FindPlan("key of b")->has_value());
  EXPECT_TRUE(store_->FindPlan("key of c")->has_value());
}

TEST_P(JobStoreContract, WhatWasAcknowledgedIsThereAfterwards) {
  Create(NewJob("a"), "id", "digest");
  Create(NewJob("b"));
  const auto claim = store_->ClaimNext(absl::Now(), absl::ZeroDuration());
  Reopen();
  EXPECT_EQ(Create(NewJob("c"), "id", "digest").name(), "planJobs/a");
  ASSERT_TRUE(store_->Sweep({.now = absl::Now()}).ok());
  EXPECT_EQ(store_->Get("planJobs/a")->state(), v1::PlanJob::PENDING) << "begins again";
  EXPECT_EQ(Move(**claim, v1::PlanJob::FAILED).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "the one before has lost it";
  EXPECT_EQ(ClaimedName(), "a");
}

TEST_P(JobStoreContract, OtherProcessesHearTheNewestProgress) {
  std::atomic<int64_t> own = 0, heard = 0;
  const auto listen = [](JobStore& store, std::atomic<int64_t>& to) {
    store.Listen({.changed = [](absl::string_view) {},
                  .progressed =
                      [&to](const std::string& job, const v1::Progress& progress) {
                        EXPECT_EQ(job, "planJobs/a");
                        EXPECT_EQ(progress.engine(), "greedy, or random = any");
                        to = progress.decisions();
                      }});
  };
  std::unique_ptr<JobStore> other;
  if (GetParam().has_leases) {
    other = *GetParam().open(folder_);
    listen(*other, heard);
  }
  listen(*store_, own);
  v1::Progress progress;
  progress.set_engine("greedy, or random = any");
  // What is told before somebody listens is nobody's.
  for (int i = 0; i < 300 && heard < 300 && other != nullptr; ++i) {
    progress.set_decisions(i < 3 ? i : 300);
    store_->TellProgress("planJobs/a", progress);
    absl::SleepFor(absl::Milliseconds(100));
  }
  store_->TellProgress("planJobs/a", progress);
  EXPECT_EQ(heard, other != nullptr ? 300 : 0);
  EXPECT_EQ(own, 0) << "it knows";
}

TEST_P(JobStoreContract, AClaimIsLostWhenItsLeaseRanOut) {
  if (!GetParam().has_leases) GTEST_SKIP() << "one process only";
  Create(NewJob("a"));
  const auto claim = store_->ClaimNext(absl::Now(), absl::Milliseconds(300));
  ASSERT_TRUE(claim.ok() && claim->has_value());
  EXPECT_TRUE(store_->Sweep({.now = absl::Now() + absl::Hours(1)})->empty())
      << "no clock but the store's decides";
  ASSERT_TRUE(store_->Renew("planJobs/a", (*claim)->fence, absl::ZeroDuration()).ok());
  const auto changed = store_->Sweep({.now = absl::Now()});
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ(changed->at(0).state(), v1::PlanJob::PENDING);
  EXPECT_FALSE(store_->Renew("planJobs/a", (*claim)->fence, kLease).ok());
  const auto next = store_->ClaimNext(absl::Now(), kLease);
  EXPECT_GT((*next)->fence, (*claim)->fence);
}

}  // namespace automap
