// How replicas tell each other which jobs changed.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/jobs/postgres_connection.h"

namespace automap {

// LISTEN and NOTIFY as a hint, a look every two seconds behind it: a notification may be lost, a
// change is seen all the same. Notifications are sent together, at most ten times a second, as
// PostgreSQL takes a global lock for them. Thread-safe.
class PostgresChanges {
 public:
  using OnChange = std::function<void(absl::string_view job)>;

  explicit PostgresChanges(std::string database) : database_(std::move(database)) {}
  ~PostgresChanges();

  void Announce(const std::string& job);
  // At most once.
  void Listen(OnChange on_change);

 private:
  void Run();
  // One round with a session: sends what is announced and hands on what others sent. False when the
  // session broke.
  bool Turn(PGconn* session);
  bool Send(PGconn* session);

  const std::string database_;
  OnChange on_change_;
  Mutex mutex_;
  std::set<std::string> announced_ ABSL_GUARDED_BY(mutex_);
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace automap
