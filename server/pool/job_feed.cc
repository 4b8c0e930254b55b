#include "server/pool/job_feed.h"

#include <vector>

#include "base/steady_clock.h"

namespace automap {
namespace {

constexpr absl::Duration kKept = absl::Minutes(1);

}  // namespace

int64_t JobFeed::Subscribe(const std::string& job, Callback callback) {
  MutexLock lock(mutex_);
  Channel& channel = channels_[job];
  channel.news = ++news_;
  channel.watchers[++next_id_] = std::make_shared<Callback>(std::move(callback));
  return next_id_;
}

void JobFeed::Unsubscribe(const std::string& job, int64_t id) {
  MutexLock lock(mutex_);
  const auto channel = channels_.find(job);
  if (channel == channels_.end()) return;
  channel->second.watchers.erase(id);
  if (channel->second.watchers.empty() && channel->second.progress_number == 0)
    channels_.erase(channel);
}

void JobFeed::Notify(absl::string_view job) { Wake(job, FeedNews::kEvents); }

void JobFeed::Wake(absl::string_view job, FeedNews news) {
  std::vector<std::shared_ptr<Callback>> callbacks;
  {
    MutexLock lock(mutex_);
    const auto add = [&](Channel& channel) {
      if (news == FeedNews::kEvents) channel.news = ++news_;
      for (const auto& [id, callback] : channel.watchers) callbacks.push_back(callback);
    };
    if (job.empty()) {
      for (auto& [name, channel] : channels_) add(channel);
    } else if (const auto channel = channels_.find(std::string(job)); channel != channels_.end()) {
      add(channel->second);
    }
  }
  for (const auto& callback : callbacks) (*callback)(news);
}

void JobFeed::Publish(const std::string& job, const v1::Progress& progress, bool runs_elsewhere) {
  {
    MutexLock lock(mutex_);
    Channel& channel = channels_[job];
    channel.progress = progress;
    ++channel.progress_number;
    channel.forgotten = runs_elsewhere ? SteadyNow() + kKept : absl::InfiniteFuture();
  }
  Wake(job, FeedNews::kProgress);
}

int64_t JobFeed::NewsOf(const std::string& job) {
  MutexLock lock(mutex_);
  const auto channel = channels_.find(job);
  return channel == channels_.end() ? ++news_ : channel->second.news;
}

void JobFeed::Tick() {
  {
    MutexLock lock(mutex_);
    const absl::Time now = SteadyNow();
    std::erase_if(channels_, [&](const auto& item) {
      return item.second.watchers.empty() && item.second.forgotten < now;
    });
  }
  Wake("", FeedNews::kTick);
}

std::pair<int64_t, v1::Progress> JobFeed::Latest(const std::string& job) {
  MutexLock lock(mutex_);
  const auto channel = channels_.find(job);
  if (channel == channels_.end()) return {0, {}};
  return {channel->second.progress_number, channel->second.progress};
}

void JobFeed::Forget(const std::string& job) {
  MutexLock lock(mutex_);
  const auto channel = channels_.find(job);
  if (channel == channels_.end()) return;
  channel->second.progress_number = 0;
  if (channel->second.watchers.empty()) channels_.erase(channel);
}

int64_t JobFeed::watcher_count() {
  MutexLock lock(mutex_);
  int64_t count = 0;
  for (const auto& [job, channel] : channels_)
    count += static_cast<int64_t>(channel.watchers.size());
  return count;
}

}  // namespace automap
