// Tells watchers of a job that there is something new.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "base/mutex.h"

namespace automap {

// Why a watcher is woken.
enum class FeedNews {
  kEvents,    // the store has, or may have, more events
  kProgress,  // there is newer progress
  kTick,      // a second has passed, or the server begins to drain
};

// Durable events are read from the store; the feed only wakes, and keeps the newest progress of
// each job. Thread-safe. Callbacks run on the publisher's thread, must not block, and may come once
// more after Unsubscribe began.
class JobFeed {
 public:
  using Callback = std::function<void(FeedNews)>;

  int64_t Subscribe(const std::string& job, Callback callback);
  void Unsubscribe(const std::string& job, int64_t id);

  // Something durable happened to the job; an empty name means any job.
  void Notify(absl::string_view job);
  // Replaces the job's progress. What runs elsewhere is forgotten a minute after its last news.
  void Publish(const std::string& job, const v1::Progress& progress, bool runs_elsewhere = false);
  // A number that is another one after each Notify and each Subscribe of the job. Who subscribes
  // may know more than those before, whom a Notify has yet to reach.
  int64_t NewsOf(const std::string& job);
  // Wakes everybody to look at the clock.
  void Tick();
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
    int64_t news = 0;
    absl::Time forgotten = absl::InfiniteFuture();
  };

  void Wake(absl::string_view job, FeedNews news);

  Mutex mutex_;
  std::map<std::string, Channel, std::less<>> channels_ ABSL_GUARDED_BY(mutex_);
  int64_t news_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace automap
