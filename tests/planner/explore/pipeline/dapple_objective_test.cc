#include "planner/explore/pipeline/dapple_objective.h"

#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "tests/support/dapple_rows.h"
#include "tests/support/files.h"

namespace automap {
namespace {

std::string Read(const std::string& name) { return ReadTestData("dapple/" + name); }

std::vector<DappleRow> Rows() {
  return ReadDappleRows(Read("dapple-plans.json"), Read("dapple-chains.json"));
}

// The recorded values have six digits.
TEST(DappleObjective, ReproducesWhatWasRecorded) {
  ASSERT_GE(Rows().size(), 9u);
  for (const DappleRow& row : Rows()) {
    EXPECT_NEAR(DappleTime(row.question, row.plan) / row.predicted_s, 1, 5e-6) << row.profile;
    EXPECT_NEAR(DapplePivotTime(row.question, row.plan) / row.pivot_s, 1, 5e-6) << row.profile;
    EXPECT_NEAR(DappleDataParallelTime(row.question) / row.data_parallel_s, 1, 5e-6) << row.profile;
  }
}

TEST(DappleObjective, OurPlanIsNeverWorseAndIsAPlan) {
  for (const DappleRow& row : Rows()) {
    const DapplePlan plan = BestDapplePlan(row.question);
    EXPECT_LE(DappleTime(row.question, plan), DappleTime(row.question, row.plan) * (1 + 1e-9))
        << row.profile << " " << row.cluster;
    const DapplePlan pivot = BestDapplePlan(row.question, DappleObjective::kPivotTime);
    EXPECT_LE(DapplePivotTime(row.question, pivot),
              DapplePivotTime(row.question, row.plan) * (1 + 1e-9))
        << row.profile << " " << row.cluster;
    std::set<int32_t> devices;
    int32_t state = 0;
    for (const DappleStage& stage : plan) {
      EXPECT_EQ(stage.begin, state);
      EXPECT_EQ(stage.devices.size() % row.question.outer_replicas, 0u);
      state = stage.end;
      for (const int32_t device : stage.devices) EXPECT_TRUE(devices.insert(device).second);
    }
    EXPECT_EQ(state, static_cast<int32_t>(row.question.states.size()));
  }
}

}  // namespace
}  // namespace automap
