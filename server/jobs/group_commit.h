// Several threads' changes in one transaction, so that they share one sync of the disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/jobs/sql_pool.h"

namespace automap {

// For databases with one writer. The first of those who wait takes all that wait, in their order,
// each inside a savepoint: one that fails leaves nothing and the others as they are. Nobody is
// answered before the commit. Thread-safe.
class GroupCommit {
 public:
  using Body = std::function<absl::Status(SqlConnection&)>;

  // `pool` must outlive it and hold one session.
  explicit GroupCommit(SqlPool& pool) : pool_(pool) {}

  // Runs `body`, on this thread or another. OK: what it did is durable. Otherwise it left nothing.
  absl::Status Run(const Body& body);

 private:
  struct Waiter {
    const Body& body;
    absl::Status status;
    bool is_done = false;
    ConditionVariable wake;
  };

  void Commit(const std::deque<Waiter*>& group);

  SqlPool& pool_;
  Mutex mutex_;
  std::deque<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap
