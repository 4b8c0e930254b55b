// What every strategy promises (planner/strategies/strategy.h), by the planner's front doors.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "planner/plan_module.h"
#include "planner/strategies/strategy.h"
#include "planner/verify_module_plan.h"

namespace automap {

class StrategyContract {
 public:
  // A module that fits on `cluster` in some way of this strategy.
  StrategyContract(const StrategyRow& row, std::string module, v1::Cluster cluster)
      : module_(std::move(module)), cluster_(std::move(cluster)) {
    options_.set_strategy(std::string(row.name));
    options_.set_max_decisions(100);
    options_.set_seed(3);
  }

  void Check() const {
    PlansVerifyFitAndGetBetter();
    SameRequestSamePlan();
    StopsWithWhatItHas();
    SaysWhyNothingFits();
  }

 private:
  static bool Never() { return false; }

  absl::StatusOr<v1::Plan> Plan(const v1::Cluster& cluster, const PlanObserver& observer = {},
                                const std::function<bool()>& stop = Never) const {
    return PlanModule(module_, cluster, options_, observer, stop);
  }

  void PlansVerifyFitAndGetBetter() const {
    std::vector<v1::Plan> plans;
    PlanObserver observer;
    observer.improved_plan = [&](const v1::Plan& plan) { plans.push_back(plan); };
    auto last = Plan(cluster_, observer);
    ASSERT_TRUE(last.ok()) << last.status();
    for (size_t i = 1; i < plans.size(); ++i) {
      const bool has_better_bound =
          plans[i].bound().lower_bound_s() > plans[i - 1].bound().lower_bound_s();
      EXPECT_LT(plans[i].cost().step_time_s(),
                plans[i - 1].cost().step_time_s() * (has_better_bound ? 1 + 1e-9 : 1));
    }
    if (!plans.empty()) {
      EXPECT_LE(last->cost().step_time_s(), plans.back().cost().step_time_s() * (1 + 1e-9));
    }
    plans.push_back(*std::move(last));
    for (const v1::Plan& plan : plans) {
      EXPECT_TRUE(plan.cost().fits());
      EXPECT_EQ(VerifyModulePlan(module_, cluster_, plan), absl::OkStatus());
      EXPECT_LE(plan.bound().lower_bound_s(), plan.cost().step_time_s() * (1 + 1e-9));
    }
  }

  void SameRequestSamePlan() const {
    v1::Plan first = *Plan(cluster_), second = *Plan(cluster_);
    first.mutable_search()->clear_wall_s();
    second.mutable_search()->clear_wall_s();
    EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  }

  // Whenever it is told to: at once, or at the nth time that it asks.
  void StopsWithWhatItHas() const {
    for (const int asked : {0, 1, 3, 10, 30, 100}) {
      int left = asked;
      const auto plan = Plan(cluster_, {}, [&left] { return left-- <= 0; });
      if (!plan.ok()) {
        EXPECT_EQ(plan.status().code(), absl::StatusCode::kDeadlineExceeded) << plan.status();
        continue;
      }
      EXPECT_EQ(VerifyModulePlan(module_, cluster_, *plan), absl::OkStatus()) << asked;
    }
  }

  void SaysWhyNothingFits() const {
    v1::Cluster tiny = cluster_;
    for (auto& type : *tiny.mutable_device_types()) type.set_memory_bytes(1 << 20);
    const auto plan = Plan(tiny);
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition) << plan.status();
    EXPECT_TRUE(absl::StrContains(plan.status().message(), "GiB")) << plan.status();
  }

  const std::string module_;
  const v1::Cluster cluster_;
  v1::PlanOptions options_;
};

}  // namespace automap
