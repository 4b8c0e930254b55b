#include "server/jobs/group_commit.h"

#include <mutex>

#include "base/failpoint.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr size_t kMostTogether = 64;

// OK: the transaction is as if `body` had not run where its status, `outcome`, is an error.
absl::Status RunInSavepoint(SqlConnection& connection, const GroupCommit::Body& body,
                            absl::Status& outcome) {
  RETURN_IF_ERROR(connection.Execute("SAVEPOINT one"));
  outcome = body(connection);
  if (!outcome.ok()) RETURN_IF_ERROR(connection.Execute("ROLLBACK TO one"));
  return connection.Execute("RELEASE one");
}

}  // namespace

absl::Status GroupCommit::Run(const Body& body) {
  Waiter own = {.body = body, .status = absl::OkStatus(), .is_done = false, .wake = {}};
  std::deque<Waiter*> group;
  {
    std::unique_lock<Mutex> lock(mutex_);
    waiters_.push_back(&own);
    own.wake.wait(lock, [&] { return own.is_done || waiters_.front() == &own; });
    if (own.is_done) return own.status;
    group.assign(waiters_.begin(),
                 waiters_.begin() + static_cast<int64_t>(std::min(waiters_.size(), kMostTogether)));
  }
  Commit(group);
  MutexLock lock(mutex_);
  for (Waiter* waiter : group) {
    waiters_.pop_front();
    waiter->is_done = true;
    if (waiter != &own) waiter->wake.notify_one();
  }
  if (!waiters_.empty()) waiters_.front()->wake.notify_one();
  return own.status;
}

// An error of the transaction itself is everybody's.
void GroupCommit::Commit(const std::deque<Waiter*>& group) {
  const absl::Status whole = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(SqlPool::Session session, pool_.Take());
    SqlTransaction transaction(*session);
    RETURN_IF_ERROR(transaction.begun());
    for (Waiter* waiter : group)
      RETURN_IF_ERROR(RunInSavepoint(*session, waiter->body, waiter->status));
    RETURN_IF_ERROR(FailpointStatus("store.group.before_commit"));
    RETURN_IF_ERROR(transaction.Commit());
    return FailpointStatus("store.group.after_commit");
  }();
  for (Waiter* waiter : group) {
    if (waiter->status.ok()) waiter->status = whole;
  }
}

}  // namespace automap
