// A few sessions with one database, each used by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/jobs/sql.h"

namespace automap {

// Thread-safe. Opens sessions when they are needed, again after they broke.
class SqlPool {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<SqlConnection>>()>;

  SqlPool(Open open, int size) : open_(std::move(open)), size_(size), free_places_(size) {}
  int size() const { return size_; }

  // A session in use; gives it back at its end.
  class Session {
   public:
    Session(SqlPool& pool, std::unique_ptr<SqlConnection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Session(Session&& other) noexcept
        : pool_(other.pool_), connection_(std::move(other.connection_)) {
      other.pool_ = nullptr;
    }
    ~Session() {
      if (pool_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    SqlConnection& operator*() { return *connection_; }

   private:
    SqlPool* pool_;
    std::unique_ptr<SqlConnection> connection_;
  };

  // Waits until a session is free. Fails as opening one does.
  absl::StatusOr<Session> Take() {
    std::unique_ptr<SqlConnection> connection;
    {
      std::unique_lock<Mutex> lock(mutex_);
      freed_.wait(lock, [this] { return free_places_ > 0; });
      --free_places_;
      if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (connection == nullptr) {
      auto opened = open_();
      if (!opened.ok()) {
        GiveBack(nullptr);
        return opened.status();
      }
      connection = *std::move(opened);
    }
    return Session(*this, std::move(connection));
  }

 private:
  void GiveBack(std::unique_ptr<SqlConnection> connection) {
    {
      MutexLock lock(mutex_);
      ++free_places_;
      if (connection != nullptr && connection->is_open()) idle_.push_back(std::move(connection));
    }
    freed_.notify_one();
  }

  const Open open_;
  const int size_;
  Mutex mutex_;
  ConditionVariable freed_;
  int free_places_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SqlConnection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap
