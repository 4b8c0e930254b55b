// Tells watchers of a job that there is something new.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "automap/v1/job.pb.h"
#include "base/mutex.h"

namespace automap {

// Durable events are read from the store; the feed only wakes, and keeps the newest progress of
// each job. Thread-safe. Callbacks run on the publisher's thread, must not block, and may come once
// more after Unsubscribe began.
class JobFeed {
 public:
  using Callback = std::function<void()>;

  int64_t Subscribe(const std::string& job, Callback callback);
  void Unsubscribe(const std::string& job, int64_t id);

  // Something durable happened.
  void Notify(const std::string& job);
  // Replaces the job's progress.
  void Publish(const std::string& job, const v1::Progress& progress);
  // The newest progress and its number, 0 when there is none.
  std::pair<int64_t, v1::Progress> Latest(const std::string& job);
  // Forgets the progress of a job that has ended.
  void Forget(const std::string& job);
  int64_t watcher_count();

 private:
  struct Channel {
    std::map<int64_t, std::shared_ptr<Callback>> watchers;
    v1::Progress progress;
    int64_t progress_number = 0;
  };

  Mutex mutex_;
  std::map<std::string, Channel> channels_ ABSL_GUARDED_BY(mutex_);
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace automap
