// What every job store promises, executed against each of the catalogue.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/jobs/job_store.h"

namespace automap {

// How a test gets a store of its own, and gets it again after it was closed.
struct StoreUnderTest {
  const char* name;
  std::function<absl::StatusOr<std::unique_ptr<JobStore>>(const std::string& folder)> open;
  bool has_leases;  // several processes may share it
};

class JobStoreContract : public testing::TestWithParam<StoreUnderTest> {
 protected:
  void SetUp() override;
  void TearDown() override;
  // Closes the store and opens it again, as after the death of the process.
  void Reopen();

  v1::PlanJob NewJob(const std::string& id, const std::string& caller = "c", int priority = 0);
  // Creates a job; the test fails when that does.
  v1::PlanJob Create(const v1::PlanJob& job, const std::string& request_id = "",
                     const std::string& digest = "");
  std::string ClaimedName();
  absl::StatusOr<v1::PlanJob> Move(const Claim& claim, v1::PlanJob::State state,
                                   const v1::Plan* plan = nullptr, bool caches = false);

  std::string folder_;
  std::unique_ptr<JobStore> store_;
};

}  // namespace automap
