// The checker of histories finds what it must.
#include "tests/support/job_history.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

v1::PlanJob Told(const char* etag, v1::PlanJob::State state) {
  v1::PlanJob job;
  job.set_name("planJobs/a");
  job.set_etag(etag);
  job.set_state(state);
  return job;
}

TEST(JobHistory, TakesAnyOrderOfCallsThatOverlap) {
  JobHistory history;
  const int64_t first = history.Begin("planJobs/a"), second = history.Begin("planJobs/a");
  history.End(second, Told("7", v1::PlanJob::SUCCEEDED));
  history.End(first, Told("2", v1::PlanJob::RUNNING));
  history.End(first, Told("4", v1::PlanJob::PENDING));
  EXPECT_TRUE(history.Check().empty()) << history.Check()[0];
  EXPECT_EQ(history.answers(), 3);
}

TEST(JobHistory, FindsStaleReadsTwoStatesAndMovesWithoutAnArrow) {
  JobHistory stale, two, back;
  stale.End(stale.Begin("planJobs/a"), Told("2", v1::PlanJob::RUNNING));
  stale.End(stale.Begin("planJobs/a"), Told("1", v1::PlanJob::PENDING));
  EXPECT_EQ(stale.Check().size(), 1u);
  two.End(0, Told("2", v1::PlanJob::RUNNING));
  two.End(0, Told("2", v1::PlanJob::PENDING));
  EXPECT_EQ(two.Check().size(), 1u);
  back.End(0, Told("3", v1::PlanJob::CANCELLED));
  back.End(0, Told("5", v1::PlanJob::SUCCEEDED));
  EXPECT_EQ(back.Check().size(), 1u);
}

}  // namespace
}  // namespace automap
