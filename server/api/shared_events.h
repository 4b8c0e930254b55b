// Events of jobs as streams read them: many that follow one job read each event once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/job.pb.h"
#include "base/mutex.h"
#include "server/pool/job_feed.h"

namespace automap {

// The store behind a small memory of what was read last, also of that there was nothing more: that
// is believed until the feed has news of the job. Holds at most 2 MiB. Thread-safe.
class SharedEvents {
 public:
  using Event = std::shared_ptr<const v1::PlanEvent>;

  // JobStore::EventsAfter.
  using Read = std::function<absl::StatusOr<std::vector<v1::PlanEvent>>(const std::string& job,
                                                                        int64_t after, int limit)>;

  SharedEvents(Read read, JobFeed& feed) : read_(std::move(read)), feed_(feed) {}

  // The first event of the job after `after`, with its resume token; null when there is none yet.
  // The job must be subscribed to. Errors are the store's.
  absl::StatusOr<Event> After(const std::string& job, int64_t after);

 private:
  using Place = std::pair<std::string, int64_t>;
  struct Known {
    Event event;
    int64_t news = 0;   // as of which there is no event
    int64_t bytes = 0;  // that it takes here
  };

  void Keep(const Place& place, Known known);

  const Read read_;
  JobFeed& feed_;
  Mutex mutex_;
  std::map<Place, Known> known_ ABSL_GUARDED_BY(mutex_);
  std::deque<Place> oldest_ ABSL_GUARDED_BY(mutex_);  // first
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace automap
