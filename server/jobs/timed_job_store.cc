#include "server/jobs/timed_job_store.h"

#include "base/steady_clock.h"

namespace automap {
namespace {

absl::StatusCode CodeOf(const absl::Status& status) { return status.code(); }
template <typename T>
absl::StatusCode CodeOf(const absl::StatusOr<T>& result) {
  return result.status().code();
}

class TimedJobStore final : public JobStore {
 public:
  TimedJobStore(std::unique_ptr<JobStore> store, StoreTell tell)
      : store_(std::move(store)), tell_(std::move(tell)) {}

  absl::StatusOr<v1::PlanJob> Create(const NewJob& job, const QueueLimits& limits) override {
    return Time("create", [&] { return store_->Create(job, limits); });
  }
  absl::StatusOr<v1::PlanJob> Get(const std::string& name) override {
    return Time("get", [&] { return store_->Get(name); });
  }
  absl::StatusOr<JobPage> List(const JobFilter& filter, int page_size,
                               const std::string& page_token) override {
    return Time("list", [&] { return store_->List(filter, page_size, page_token); });
  }
  absl::StatusOr<QueueState> CountJobs() override {
    return Time("count", [&] { return store_->CountJobs(); });
  }
  absl::StatusOr<std::optional<Claim>> ClaimNext(absl::Time now, absl::Duration lease,
                                                 const ClaimFilter& filter) override {
    return Time("claim", [&] { return store_->ClaimNext(now, lease, filter); });
  }
  absl::StatusOr<v1::PlanJob> Renew(const std::string& name, int64_t fence,
                                    absl::Duration lease) override {
    return Time("renew", [&] { return store_->Renew(name, fence, lease); });
  }
  absl::StatusOr<v1::PlanJob> Update(const JobUpdate& update) override {
    return Time("update", [&] { return store_->Update(update); });
  }
  absl::Status AddImprovedPlan(const std::string& name, int64_t fence, const v1::Plan& plan,
                               absl::Time now) override {
    return Time("improve", [&] { return store_->AddImprovedPlan(name, fence, plan, now); });
  }
  absl::StatusOr<std::vector<v1::PlanEvent>> EventsAfter(const std::string& name, int64_t after,
                                                         int limit) override {
    return Time("events", [&] { return store_->EventsAfter(name, after, limit); });
  }
  absl::StatusOr<std::optional<v1::Plan>> FindPlan(const std::string& plan_key) override {
    return Time("find_plan", [&] { return store_->FindPlan(plan_key); });
  }
  absl::StatusOr<std::optional<std::string>> FindUserOf(const std::string& module_name) override {
    return Time("find_user", [&] { return store_->FindUserOf(module_name); });
  }
  absl::Status Delete(const std::string& name, const std::string& etag) override {
    return Time("delete", [&] { return store_->Delete(name, etag); });
  }
  absl::StatusOr<std::vector<v1::PlanJob>> Sweep(const SweepLimits& limits) override {
    return Time("sweep", [&] { return store_->Sweep(limits); });
  }
  void TellProgress(const std::string& name, const v1::Progress& progress) override {
    store_->TellProgress(name, progress);
  }
  void Listen(StoreListener listener) override { store_->Listen(std::move(listener)); }

 private:
  template <typename Body>
  auto Time(const char* operation, Body body) -> decltype(body()) {
    const absl::Time begin = SteadyNow();
    auto result = body();
    tell_(operation, SteadyNow() - begin, CodeOf(result));
    return result;
  }

  const std::unique_ptr<JobStore> store_;
  const StoreTell tell_;
};

}  // namespace

std::unique_ptr<JobStore> TimeJobStore(std::unique_ptr<JobStore> store, StoreTell tell) {
  return std::make_unique<TimedJobStore>(std::move(store), std::move(tell));
}

}  // namespace automap
