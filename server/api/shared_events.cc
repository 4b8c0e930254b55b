#include "server/api/shared_events.h"

#include <vector>

#include "base/status_macros.h"
#include "server/api/resume_token.h"

namespace automap {
namespace {

constexpr int64_t kMaxBytes = 2 << 20;
constexpr int64_t kEntryBytes = 256;  // besides its event

}  // namespace

absl::StatusOr<SharedEvents::Event> SharedEvents::After(const std::string& job, int64_t after) {
  const Place place(job, after);
  const int64_t news = feed_.NewsOf(job);
  {
    MutexLock lock(mutex_);
    const auto known = known_.find(place);
    if (known != known_.end() && (known->second.event != nullptr || known->second.news == news))
      return known->second.event;
  }
  // One at a time: they wait in memory, and plans are large.
  ASSIGN_OR_RETURN(std::vector<v1::PlanEvent> events, read_(job, after, 1));
  if (events.empty()) {
    Keep(place, {.event = nullptr, .news = news, .bytes = kEntryBytes});
    return Event();
  }
  events[0].set_resume_token(ResumeToken(job, events[0].sequence()));
  const auto event = std::make_shared<const v1::PlanEvent>(std::move(events[0]));
  const int64_t bytes = kEntryBytes + static_cast<int64_t>(event->SpaceUsedLong());
  Keep(place, {.event = event, .news = news, .bytes = bytes});
  return event;
}

void SharedEvents::Keep(const Place& place, Known known) {
  if (known.bytes > kMaxBytes / 4) return;
  MutexLock lock(mutex_);
  bytes_ += known.bytes;
  const auto [entry, is_new] = known_.try_emplace(place);
  if (is_new) oldest_.push_back(place);
  bytes_ -= entry->second.bytes;
  entry->second = std::move(known);
  while (bytes_ > kMaxBytes) {
    const auto oldest = known_.find(oldest_.front());
    bytes_ -= oldest->second.bytes;
    known_.erase(oldest);
    oldest_.pop_front();
  }
}

}  // namespace automap
