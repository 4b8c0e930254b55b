// How replicas tell each other which jobs changed, and how far those are that run.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/jobs/job_store.h"
#include "server/jobs/postgres_connection.h"

namespace automap {

// LISTEN and NOTIFY as a hint, a look every two seconds behind it: a notification may be lost, a
// change is seen all the same. Notifications are sent together, at most ten times a second, as
// PostgreSQL takes a global lock for them. Progress goes the same way, the newest of each job twice
// a second, and is stored nowhere. Each schema has channels of its own: installations that share a
// database do not hear of each other. Thread-safe.
class PostgresChanges {
 public:
  explicit PostgresChanges(std::string database) : database_(std::move(database)) {}
  ~PostgresChanges();

  void Announce(const std::string& job);
  void TellProgress(const std::string& job, const v1::Progress& progress);
  // At most once.
  void Listen(StoreListener listener);

 private:
  void Run();
  // A session that hears; null while there is none to be had.
  PgSession Open();
  // One round with a session: sends what is announced and hands on what others sent. False when the
  // session broke.
  bool Turn(PGconn* session);
  bool Send(PGconn* session);
  void Hear(const PGnotify& notify) const;

  const std::string database_;
  StoreListener listener_;
  // The thread's.
  std::string jobs_channel_, progress_channel_;
  absl::Time progress_sent_ = absl::InfinitePast();
  Mutex mutex_;
  std::set<std::string> announced_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Progress> progress_ ABSL_GUARDED_BY(mutex_);
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace automap
