// The job store on a SQL database.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/jobs/group_commit.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sql_pool.h"

namespace automap {

// The sessions of a store.
struct SqlSessions {
  std::unique_ptr<SqlPool> writers;
  std::unique_ptr<SqlPool> readers;  // null: the writers read as well
};

// What a database that several processes share brings besides SQL. Each may be empty.
struct ChangeHooks {
  // A transaction that changed the job was committed.
  std::function<void(const std::string& job)> announce;
  std::function<void(const std::string& job, const v1::Progress& progress)> tell_progress;
  std::function<void(StoreListener)> listen;
};

// Every change is one transaction; with one writing session, changes that wait for it share one
// (group_commit.h).
class SqlJobStore final : public JobStore {
 public:
  SqlJobStore(SqlSessions sessions, ChangeHooks hooks);

  // For a database of which this is the only process: what ran when the last one died begins again,
  // what was being cancelled is cancelled.
  absl::Status TakeBackAllClaims();

  absl::StatusOr<v1::PlanJob> Create(const NewJob& job, const QueueLimits& limits) override;
  absl::StatusOr<v1::PlanJob> Get(const std::string& name) override;
  absl::StatusOr<JobPage> List(const JobFilter& filter, int page_size,
                               const std::string& page_token) override;
  absl::StatusOr<QueueState> CountJobs() override;
  using JobStore::ClaimNext;
  absl::StatusOr<std::optional<Claim>> ClaimNext(absl::Time now, absl::Duration lease,
                                                 const ClaimFilter& filter) override;
  absl::StatusOr<v1::PlanJob> Renew(const std::string& name, int64_t fence,
                                    absl::Duration lease) override;
  absl::StatusOr<v1::PlanJob> Update(const JobUpdate& update) override;
  absl::Status AddImprovedPlan(const std::string& name, int64_t fence, const v1::Plan& plan,
                               absl::Time now) override;
  absl::StatusOr<std::vector<v1::PlanEvent>> EventsAfter(const std::string& name, int64_t after,
                                                         int limit) override;
  absl::StatusOr<std::optional<v1::Plan>> FindPlan(const std::string& plan_key) override;
  absl::StatusOr<std::optional<std::string>> FindUserOf(const std::string& module_name) override;
  absl::Status Delete(const std::string& name, const std::string& etag) override;
  absl::StatusOr<std::vector<v1::PlanJob>> Sweep(const SweepLimits& limits) override;
  void TellProgress(const std::string& name, const v1::Progress& progress) override;
  void Listen(StoreListener listener) override;

 private:
  // Runs `body(connection)` in a transaction, again when it lost against another one. Failpoints
  // store.OPERATION.before_commit and .after_commit.
  template <typename Body>
  auto Transact(const std::string& operation, Body body);
  absl::Status RunAndCommit(const GroupCommit::Body& body);
  template <typename Body>
  auto Read(Body body) {
    return Use(sessions_.readers != nullptr ? *sessions_.readers : *sessions_.writers, body);
  }
  template <typename Body>
  auto Use(SqlPool& pool, Body body);

  const SqlSessions sessions_;
  const std::unique_ptr<GroupCommit> group_;  // null where several sessions write
  const ChangeHooks hooks_;
};

}  // namespace automap
